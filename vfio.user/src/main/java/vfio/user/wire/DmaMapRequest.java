package vfio.user.wire;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/**
 * {@code VFIO_USER_DMA_MAP}: argsz, flags, offset, address, size; at most one fd.
 *
 * @param flags {@link #READ}, {@link #WRITE}, and how to access the file
 * @param offset the offset of the first byte in the file
 * @param address the first address, unsigned
 * @param size in bytes
 */
public record DmaMapRequest(int flags, long offset, long address, long size) {
    public static final int READ = 1;
    public static final int WRITE = 1 << 1;
    /** Access the file by mmap(2); the default if neither this nor {@link #FILE_IO} is set. */
    private static final int MMAP = 1 << 2;
    /** Access the file by pread(2) and pwrite(2). */
    private static final int FILE_IO = 1 << 3;

    private static final int BYTES = 32;
    private static final Command COMMAND = Command.DMA_MAP;

    public static DmaMapRequest of(Message message, List<Fd> fds) throws ErrnoException {
        Checks.sizes(message, COMMAND, BYTES);
        DmaMapRequest request = new DmaMapRequest(message.u32(4), message.u64(8), message.u64(16), message.u64(24));
        int access = request.flags & (MMAP | FILE_IO);
        Checks.require(
                (request.flags & ~(READ | WRITE | MMAP | FILE_IO)) == 0 && access != (MMAP | FILE_IO),
                COMMAND,
                "flags 0x" + Integer.toHexString(request.flags));
        Checks.require(fds.size() <= 1, COMMAND, fds.size() + " descriptors, at most one is allowed");
        Checks.require(!fds.isEmpty() || access == 0, COMMAND, "a file access flag without a file");
        Checks.require(
                request.size > 0 && Long.compareUnsigned(request.last(), request.address) >= 0,
                COMMAND,
                "the size is 0, or the range exceeds the address space");
        Checks.require(
                request.offset >= 0 && request.offset <= Long.MAX_VALUE - request.size,
                COMMAND,
                "offset plus size wraps");
        return request;
    }

    /** The last address. */
    public long last() {
        return address + size - 1;
    }
}
