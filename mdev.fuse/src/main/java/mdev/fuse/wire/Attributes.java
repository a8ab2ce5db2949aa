package mdev.fuse.wire;

import java.time.Instant;

/**
 * The attributes of a node as in stat(2).
 *
 * <pre>
 * struct fuse_attr {
 *     uint64_t ino, size, blocks, atime, mtime, ctime;
 *     uint32_t atimensec, mtimensec, ctimensec, mode, nlink, uid, gid, rdev, blksize, flags;
 * };
 * struct fuse_attr_out {
 *     uint64_t attr_valid;
 *     uint32_t attr_valid_nsec, dummy;
 *     struct fuse_attr attr;
 * };
 * struct fuse_entry_out {
 *     uint64_t nodeid, generation, entry_valid, attr_valid;
 *     uint32_t entry_valid_nsec, attr_valid_nsec;
 *     struct fuse_attr attr;
 * };
 * </pre>
 *
 * <p>The attributes of a node never change. Its name is valid until the kernel is notified of the removal, or not at
 * all, so that every lookup asks. Negative entries are never cached, so the kernel need not be notified of new entries.
 *
 * @param ino the inode number
 * @param kind the file type
 * @param permissions the mode without the file type
 * @param size in bytes
 * @param owner the owner and time of all files
 */
public record Attributes(long ino, Kind kind, int permissions, long size, Owner owner) {
    private static final int PAGE = 4096;

    /** Long enough that entries in use are not looked up again. */
    private static final long VALID_SECONDS = 3600;

    /**
     * The owner of all files.
     *
     * @param since the time of all files
     */
    public record Owner(int uid, int gid, Instant since) {}

    /** As in stat(2), with the type of readdir(3). */
    public enum Kind {
        DIRECTORY(0040000),
        FILE(0100000),
        LINK(0120000);

        private final int bits;

        Kind(int bits) {
            this.bits = bits;
        }

        /** {@code DT_}: {@code IFTODT()}. */
        public int direntType() {
            return bits >> 12;
        }
    }

    /**
     * {@code struct fuse_entry_out}: the answer to {@link Opcode#LOOKUP}.
     *
     * @param remember whether the kernel is notified of the removal and may cache the entry until then
     */
    public Reply entry(Reply reply, long nodeid, boolean remember) {
        long valid = remember ? VALID_SECONDS : 0;
        return attr(
                reply.u64(nodeid).u64(0).u64(valid).u64(VALID_SECONDS).u32(0).u32(0));
    }

    /** {@code struct fuse_attr_out}: the answer to {@link Opcode#GETATTR}. */
    public Reply answer(Reply reply) {
        return attr(reply.u64(VALID_SECONDS).u32(0).u32(0));
    }

    private Reply attr(Reply reply) {
        long seconds = owner.since.getEpochSecond();
        int nanos = owner.since.getNano();
        reply.u64(ino).u64(size).u64(0).u64(seconds).u64(seconds).u64(seconds);
        reply.u32(nanos).u32(nanos).u32(nanos).u32(kind.bits | permissions);
        // Link count 1 also for directories: it tells find(1) that subdirectories are not counted.
        return reply.u32(1).u32(owner.uid).u32(owner.gid).u32(0).u32(PAGE).u32(0);
    }
}
