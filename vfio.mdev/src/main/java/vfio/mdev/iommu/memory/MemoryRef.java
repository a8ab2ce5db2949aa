package vfio.mdev.iommu.memory;

import java.util.concurrent.atomic.AtomicInteger;

/** A memory that several mappings use; closed by the last. */
public final class MemoryRef {
    private final BackingMemory memory;
    private final AtomicInteger uses = new AtomicInteger(1);

    /** The caller has the first use. */
    public MemoryRef(BackingMemory memory) {
        this.memory = memory;
    }

    public BackingMemory memory() {
        return memory;
    }

    /** One more use, by who has one; pairs with {@link #release}. */
    public MemoryRef retain() {
        uses.incrementAndGet();
        return this;
    }

    /** Whether somebody else uses it too. */
    public boolean isShared() {
        return uses.get() > 1;
    }

    public void release() {
        if (uses.decrementAndGet() == 0) {
            memory.close();
        }
    }
}
