package mdev.fuse.wire;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * A request of the kernel, in a buffer that the next request overwrites.
 *
 * <pre>
 * struct fuse_in_header {
 *     uint32_t len;          //  0
 *     uint32_t opcode;       //  4
 *     uint64_t unique;       //  8
 *     uint64_t nodeid;       // 16
 *     uint32_t uid;          // 24
 *     uint32_t gid;          // 28
 *     uint32_t pid;          // 32
 *     uint16_t total_extlen; // 36
 *     uint16_t padding;
 * };                         // 40
 * </pre>
 *
 * @param message header and body
 */
public record Request(MemorySegment message) {
    /**
     * Fits the largest request, a write of two pages; the kernel requires at least {@code FUSE_MIN_READ_BUFFER}, 8192.
     */
    public static final int MAX_LENGTH = 16 << 10;

    static final int HEADER = 40;

    /**
     * Checks the header.
     *
     * @param buffer the memory that was read into
     * @param length the number of bytes read
     * @throws IllegalArgumentException the header contradicts the length, which the kernel never sends
     */
    public static Request of(MemorySegment buffer, long length) {
        if (length < HEADER || buffer.get(JAVA_INT_UNALIGNED, 0) != length) {
            throw new IllegalArgumentException("malformed FUSE request of " + length + " bytes");
        }
        return new Request(buffer.asSlice(0, length));
    }

    public Opcode opcode() {
        return Opcode.of(message.get(JAVA_INT_UNALIGNED, 4));
    }

    /** Identifies the request in its reply and in {@link Opcode#INTERRUPT}. */
    public long unique() {
        return message.get(JAVA_LONG_UNALIGNED, 8);
    }

    /** The node that the request refers to. */
    public long nodeid() {
        return message.get(JAVA_LONG_UNALIGNED, 16);
    }

    /** The calling user; the kernel maps it into the user namespace of the mount. */
    public int uid() {
        return message.get(JAVA_INT_UNALIGNED, 24);
    }

    /** The calling thread; 0 if it is in a PID namespace outside that of the mount. */
    public int pid() {
        return message.get(JAVA_INT_UNALIGNED, 32);
    }

    /** A {@code uint32_t} of the body. */
    public int u32(long offset) {
        return message.get(JAVA_INT_UNALIGNED, HEADER + offset);
    }

    /** A {@code uint64_t} of the body. */
    public long u64(long offset) {
        return message.get(JAVA_LONG_UNALIGNED, HEADER + offset);
    }

    /** The body as a name, for {@link Opcode#LOOKUP}. A name that is not valid UTF-8 matches no entry. */
    public String name() {
        return message.getString(HEADER, StandardCharsets.UTF_8);
    }

    /** A copy of a part of the body. */
    public byte[] bytes(long offset, int length) {
        return message.asSlice(HEADER + offset, length).toArray(JAVA_BYTE);
    }
}
