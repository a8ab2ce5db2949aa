package vfio.mdev.iommu.memory;

import java.util.concurrent.atomic.AtomicInteger;

/** A reference-counted memory shared by several mappings; the last release closes it. */
public final class MemoryRef {
    private final BackingMemory memory;
    private final Runnable closed;
    private final AtomicInteger uses = new AtomicInteger(1);

    /**
     * The caller holds the first reference.
     *
     * @param closed runs once the memory is closed
     */
    MemoryRef(BackingMemory memory, Runnable closed) {
        this.memory = memory;
        this.closed = closed;
    }

    public BackingMemory memory() {
        return memory;
    }

    /** Adds a reference; the caller must already hold one. Pairs with {@link #release}. */
    public MemoryRef retain() {
        uses.incrementAndGet();
        return this;
    }

    /** Whether there is more than one reference. */
    public boolean isShared() {
        return uses.get() > 1;
    }

    public void release() {
        if (uses.decrementAndGet() == 0) {
            memory.close();
            closed.run();
        }
    }
}
