package mdev.fuse.wire;

/**
 * The first request of a mount and its answer.
 *
 * <pre>
 * struct fuse_init_in {            struct fuse_init_out {
 *     uint32_t major;    //  0         uint32_t major;
 *     uint32_t minor;    //  4         uint32_t minor;
 *     uint32_t max_readahead;          uint32_t max_readahead;
 *     uint32_t flags;    // 12         uint32_t flags;
 *     uint32_t flags2;                 uint16_t max_background;
 *     uint32_t unused[11];             uint16_t congestion_threshold;
 * };                                   uint32_t max_write;
 *                                      uint32_t time_gran;
 *                                      uint32_t unused[9];
 *                                  };  // 64, from 7.23 on
 * </pre>
 */
public record Init(int major, int minor, int flags) {
    /** Linux 5.4, the oldest supported kernel. */
    private static final int MINOR = 31;

    private static final int MAJOR = 7;
    private static final int ATOMIC_O_TRUNC = 1 << 3;
    private static final int BIG_WRITES = 1 << 5;
    private static final int PARALLEL_DIROPS = 1 << 18;
    private static final int CACHE_SYMLINKS = 1 << 23;
    private static final int WANTED = ATOMIC_O_TRUNC | BIG_WRITES | PARALLEL_DIROPS | CACHE_SYMLINKS;

    public static Init of(Request request) {
        return new Init(request.u32(0), request.u32(4), request.u32(12));
    }

    public boolean isSupported() {
        return major == MAJOR && minor >= MINOR;
    }

    /** @param maxWrite the maximum length of one write; the kernel splits longer ones */
    public Reply answer(Reply reply, int maxWrite) {
        return reply.u32(MAJOR)
                .u32(MINOR)
                .u32(0)
                .u32(flags & WANTED)
                .u32(0) // max_background, congestion_threshold: the kernel's defaults
                .u32(maxWrite)
                .u32(1)
                .zeros(9 * Integer.BYTES);
    }
}
