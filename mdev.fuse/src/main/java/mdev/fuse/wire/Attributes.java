package mdev.fuse.wire;

import java.time.Instant;

/**
 * What stat(2) tells of a node.
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
 * <p>What is told of a node is so for all its life. Its name is valid until the kernel is told that it is gone, or for
 * no time at all: then each lookup asks. What is not there is never valid, so nobody has to be told when something
 * comes.
 *
 * @param ino the inode number
 * @param kind of file
 * @param permissions the mode without the kind
 * @param size in bytes
 * @param owner of all files, and their age
 */
public record Attributes(long ino, Kind kind, int permissions, long size, Owner owner) {
    private static final int PAGE = 4096;

    /** Long enough that nobody asks again for what is used. */
    private static final long VALID_SECONDS = 3600;

    /**
     * To whom all files belong.
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
     * @param remember whether the kernel will be told when the entry goes, and need not ask until then
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
        // One link also for directories, which tells find(1) that their number is not counted.
        return reply.u32(1).u32(owner.uid).u32(owner.gid).u32(0).u32(PAGE).u32(0);
    }
}
