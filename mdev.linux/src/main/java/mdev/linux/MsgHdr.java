package mdev.linux;

import static java.lang.foreign.MemoryLayout.paddingLayout;
import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;

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
    private static final StructLayout LAYOUT = structLayout(
            JAVA_LONG.withName("msg_name"),
            JAVA_INT.withName("msg_namelen"),
            paddingLayout(4),
            JAVA_LONG.withName("msg_iov"),
            JAVA_LONG.withName("msg_iovlen"),
            JAVA_LONG.withName("msg_control"),
            JAVA_LONG.withName("msg_controllen"),
            JAVA_INT.withName("msg_flags"),
            paddingLayout(4));
    private static final long IOV = LAYOUT.byteOffset(PathElement.groupElement("msg_iov"));
    private static final long IOVLEN = LAYOUT.byteOffset(PathElement.groupElement("msg_iovlen"));
    private static final long CONTROL = LAYOUT.byteOffset(PathElement.groupElement("msg_control"));
    private static final long CONTROLLEN = LAYOUT.byteOffset(PathElement.groupElement("msg_controllen"));
    private static final long FLAGS = LAYOUT.byteOffset(PathElement.groupElement("msg_flags"));

    private static final StructLayout IOVEC =
            structLayout(JAVA_LONG.withName("iov_base"), JAVA_LONG.withName("iov_len"));
    private static final long BASE = IOVEC.byteOffset(PathElement.groupElement("iov_base"));
    private static final long LEN = IOVEC.byteOffset(PathElement.groupElement("iov_len"));

    private final MemorySegment header;
    private final MemorySegment iovec;
    private final MemorySegment control;

    /** @param maxFds the maximum number of descriptors */
    MsgHdr(SegmentAllocator allocator, int maxFds) {
        header = allocator.allocate(LAYOUT);
        iovec = allocator.allocate(IOVEC);
        control = allocator.allocate(ScmRights.length(maxFds), ScmRights.ALIGNMENT);
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
