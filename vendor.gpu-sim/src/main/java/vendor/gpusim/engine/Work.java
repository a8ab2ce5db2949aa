package vendor.gpusim.engine;

/**
 * A command in progress: a sequence of items, processed in parts. Between parts the engine can serve other vGPUs, so
 * that no command, however long, monopolises it.
 */
final class Work {
    /** The cost of a part, in pixels or vector elements: some tens to hundreds of microseconds. */
    static final int PART = 1 << 16;

    /** Processes a range of items. */
    @FunctionalInterface
    interface Items {
        /** @throws Fault DMA */
        void run(long from, long to) throws Fault;

        /** The intermediate result between two parts; 0 if there is none. */
        default double carry() {
            return 0;
        }

        default void carry(double value) {}
    }

    private final long count;
    private final long atOnce;
    private final long bytes;
    private final Items items;
    private long done;

    /**
     * @param count the number of items
     * @param atOnce the number of items in a part
     * @param bytes the bytes that all items read from sources and write to the destination
     */
    Work(long count, long atOnce, long bytes, Items items) {
        this.count = count;
        this.atOnce = Math.max(1, atOnce);
        this.bytes = bytes;
        this.items = items;
    }

    /** A command without work. */
    static Work none() {
        return new Work(0, 1, 0, (_, _) -> {});
    }

    /** How far the command is: the processed items, and {@link Items#carry}. */
    record Progress(long done, double carry) {}

    Progress progress() {
        return new Progress(done, items.carry());
    }

    /** Continues a command that another engine has begun. */
    void resume(Progress progress) {
        done = Math.clamp(progress.done(), 0, count);
        items.carry(progress.carry());
    }

    /** Executes the next part, if any; returns whether the command is complete. */
    boolean step() throws Fault {
        if (done < count) {
            long to = Math.min(count, done + atOnce);
            items.run(done, to);
            done = to;
        }
        return done == count;
    }

    /** The number of bytes that the command reads from sources and writes to its destination. */
    long bytes() {
        return bytes;
    }
}
