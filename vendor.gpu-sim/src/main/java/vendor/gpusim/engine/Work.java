package vendor.gpusim.engine;

/**
 * A command under way: so many items one after the other, of which some at a time are a part. Between parts the engine
 * can turn to others, so that no command, however long, keeps it.
 */
final class Work {
    /** What a part may cost, in pixels or numbers of vectors: some tens to hundreds of microseconds. */
    static final int PART = 1 << 16;

    /** Does some of the items. */
    @FunctionalInterface
    interface Items {
        /** @throws Fault DMA */
        void run(long from, long to) throws Fault;
    }

    private final long count;
    private final long atOnce;
    private final long bytes;
    private final Items items;
    private long done;

    /**
     * @param count of the items
     * @param atOnce how many are a part
     * @param bytes that all of them read from the sources and write to the destination
     */
    Work(long count, long atOnce, long bytes, Items items) {
        this.count = count;
        this.atOnce = Math.max(1, atOnce);
        this.bytes = bytes;
        this.items = items;
    }

    /** What has nothing to do. */
    static Work none() {
        return new Work(0, 1, 0, (_, _) -> {});
    }

    /** Does the next part, if one is left; tells whether none is left then. */
    boolean step() throws Fault {
        if (done < count) {
            long to = Math.min(count, done + atOnce);
            items.run(done, to);
            done = to;
        }
        return done == count;
    }

    /** How many bytes all of it reads from its sources and writes to its destination. */
    long bytes() {
        return bytes;
    }
}
