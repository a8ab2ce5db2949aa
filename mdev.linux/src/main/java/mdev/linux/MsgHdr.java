package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * A message of one buffer, with room for descriptors. Allocated once and reused for each call.
 *
 * <pre>
 * struct user_msghdr {                  struct iovec {              // include/linux/socket.h, include/uapi/linux/uio.h
 *     void            *msg_name;            void           *iov_base;
 *     int              msg_namelen;         __kernel_size_t iov_len;
 *     struct iovec    *msg_iov;         };
 *     __kernel_size_t  msg_iovlen;
 *     void            *msg_control;
 *     __kernel_size_t  msg_controllen;
 *     unsigned int     msg_flags;
 * };
 * </pre>
 */
final class MsgHdr {
    private static final long BYTES = 56;
    private static final long IOV = 16;
    private static final long IOVLEN = 24;
    private static final long CONTROL = 32;
    private static final long CONTROLLEN = 40;
    private static final long FLAGS = 48;

    private static final long IOVEC_BYTES = 16;
    private static final long BASE = 0;
    private static final long LEN = 8;

    private final MemorySegment header;
    private final MemorySegment iovec;
    private final MemorySegment control;

    /** @param maxFds the maximum number of descriptors */
    MsgHdr(SegmentAllocator allocator, int maxFds) {
        header = allocator.allocate(BYTES, JAVA_LONG.byteAlignment());
        iovec = allocator.allocate(IOVEC_BYTES, JAVA_LONG.byteAlignment());
        control = allocator.allocate(ScmRights.length(maxFds), JAVA_LONG.byteAlignment());
        header.set(JAVA_LONG, IOV, iovec.address());
        header.set(JAVA_LONG, IOVLEN, 1);
        header.set(JAVA_LONG, CONTROL, control.address());
    }

    MemorySegment header() {
        return header;
    }

    MemorySegment control() {
        return control;
    }

    /**
     * Sets up the next call; the kernel has overwritten the lengths during the last one.
     *
     * @param controlLength the length of the control buffer: of the descriptors to send, or of the space for received
     *     ones
     */
    void prepare(MemorySegment buffer, long offset, long length, long controlLength) {
        iovec.set(JAVA_LONG, BASE, buffer.address() + offset);
        iovec.set(JAVA_LONG, LEN, length);
        header.set(JAVA_LONG, CONTROLLEN, controlLength);
        header.set(JAVA_INT, FLAGS, 0);
    }

    /** The filled length of the control buffer, after a receive. */
    long controlLength() {
        return header.get(JAVA_LONG, CONTROLLEN);
    }

    /** The {@code MSG_} flags, after a receive. */
    int flags() {
        return header.get(JAVA_INT, FLAGS);
    }
}
