package mdev.fuse.wire;

import java.nio.charset.StandardCharsets;

/**
 * The answer to {@link Opcode#READDIR}: as many entries as fit.
 *
 * <pre>
 * struct fuse_dirent {
 *     uint64_t ino;
 *     uint64_t off;     // position after this entry
 *     uint32_t namelen;
 *     uint32_t type;
 *     char     name[];  // without 0, padded to 8 bytes
 * };
 * </pre>
 *
 * @param reply the reply to append to
 * @param room the maximum number of bytes
 */
public record Dirents(Reply reply, long room) {
    private static final int HEADER = 24;

    /** The length of the shortest entry, for estimates of their number. */
    public static final int SHORTEST = HEADER + 8;

    /** @return false if the entry does not fit and was not added */
    public boolean add(long ino, long next, Attributes.Kind kind, String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        int padding = -bytes.length & 7;
        if (reply.length() + HEADER + bytes.length + padding > room) {
            return false;
        }
        reply.u64(ino).u64(next).u32(bytes.length).u32(kind.direntType());
        reply.bytes(bytes).zeros(padding);
        return true;
    }
}
