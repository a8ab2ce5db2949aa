package mdev.fuse.wire;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * A message to the kernel, written sequentially. Used by one thread; reusable once it is sent.
 *
 * <pre>
 * struct fuse_out_header {
 *     uint32_t len;     //  0
 *     int32_t  error;   //  4: negative errno, or the positive code of a notification
 *     uint64_t unique;  //  8: of the request; 0 for a notification
 * };                    // 16
 * </pre>
 */
public final class Reply {
    public static final int HEADER = 16;

    private final MemorySegment memory;
    private long end = HEADER;

    /** @param room for the longest body */
    public Reply(SegmentAllocator allocator, long room) {
        memory = allocator.allocate(HEADER + room, Long.BYTES);
    }

    /** Clears the body. */
    public Reply clear() {
        end = HEADER;
        return this;
    }

    /** The current length of the body. */
    public long length() {
        return end - HEADER;
    }

    public Reply u32(int value) {
        memory.set(JAVA_INT_UNALIGNED, end, value);
        end += Integer.BYTES;
        return this;
    }

    public Reply u64(long value) {
        memory.set(JAVA_LONG_UNALIGNED, end, value);
        end += Long.BYTES;
        return this;
    }

    public Reply bytes(byte[] from) {
        MemorySegment.copy(from, 0, memory, JAVA_BYTE, end, from.length);
        end += from.length;
        return this;
    }

    public Reply zeros(long length) {
        memory.asSlice(end, length).fill((byte) 0);
        end += length;
        return this;
    }

    /** The answer to a request, with the current body. */
    public MemorySegment answer(long unique) {
        return message(0, unique);
    }

    /** An error answer, without the body. */
    public MemorySegment refusal(int errno, long unique) {
        return clear().message(-errno, unique);
    }

    /** A notification: a message without a request. */
    public MemorySegment notification(int code) {
        return message(code, 0);
    }

    private MemorySegment message(int error, long unique) {
        memory.set(JAVA_INT_UNALIGNED, 0, (int) end);
        memory.set(JAVA_INT_UNALIGNED, 4, error);
        memory.set(JAVA_LONG_UNALIGNED, 8, unique);
        return memory.asSlice(0, end);
    }
}
