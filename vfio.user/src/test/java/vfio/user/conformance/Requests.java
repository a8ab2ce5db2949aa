package vfio.user.conformance;

import java.nio.charset.StandardCharsets;

/** The payloads of a client's commands. */
final class Requests {
    static final int MAP_READ = 1;
    static final int MAP_WRITE = 2;
    static final int MAP_MMAP = 4;
    static final int MAP_FILE_IO = 8;
    static final int RW = MAP_READ | MAP_WRITE;

    static final int UNMAP_BITMAP = 1;
    static final int UNMAP_ALL = 2;

    static final int NONE = 1;
    static final int BOOL = 2;
    static final int EVENTFD = 4;
    static final int MASK = 8;
    static final int UNMASK = 16;
    static final int TRIGGER = 32;

    static final int GET = 1 << 16;
    static final int SET = 1 << 17;
    static final int PROBE = 1 << 18;

    /** The exact proposal of QEMU 11, with which the message has 214 bytes. */
    static final String QEMU = "{\"capabilities\": {\"pgsizes\": 4096, \"max_msg_fds\": 16, \"max_dma_maps\": 65535, "
            + "\"max_data_xfer_size\": 1048576, \"migration\": {\"max_bitmap_size\": 268435456, \"pgsize\": 4096}, "
            + "\"write_multiple\": true}}";

    private Requests() {}

    static Payload version(int major, int minor) {
        return new Payload().u16(major).u16(minor);
    }

    /** Includes the JSON's terminating NUL. */
    static Payload version(int major, int minor, String json) {
        return version(major, minor)
                .bytes(json.getBytes(StandardCharsets.UTF_8))
                .zeroes(1);
    }

    static Payload info(long argsz) {
        return new Payload().u32(argsz).zeroes(12);
    }

    static Payload regionInfo(long argsz, int index) {
        return new Payload().u32(argsz).u32(0).u32(index).zeroes(20);
    }

    static Payload regionIoFds(long argsz, int flags, int index, int count) {
        return new Payload().u32(argsz).u32(flags).u32(index).u32(count);
    }

    static Payload irqInfo(long argsz, int index) {
        return new Payload().u32(argsz).u32(0).u32(index).u32(0);
    }

    static Payload setIrqs(int flags, int index, int start, int count, byte... bools) {
        return setIrqsOf(20 + bools.length, flags, index, start, count, bools);
    }

    static Payload setIrqsOf(int argsz, int flags, int index, int start, int count, byte... bools) {
        return new Payload()
                .u32(argsz)
                .u32(flags)
                .u32(index)
                .u32(start)
                .u32(count)
                .bytes(bools);
    }

    static Payload read(int region, long offset, long count) {
        return new Payload().u64(offset).u32(region).u32(count);
    }

    static Payload write(int region, long offset, byte... data) {
        return read(region, offset, data.length).bytes(data);
    }

    static Payload map(int flags, long offset, long address, long size) {
        return new Payload().u32(32).u32(flags).u64(offset).u64(address).u64(size);
    }

    static Payload unmap(long argsz, int flags, long address, long size) {
        return new Payload().u32(argsz).u32(flags).u64(address).u64(size);
    }

    static Payload unmap(long address, long size) {
        return unmap(24, 0, address, size);
    }

    static Payload feature(long argsz, int flags) {
        return new Payload().u32(argsz).u32(flags);
    }
}
