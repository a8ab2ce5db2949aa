package vfio.mdev.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import vfio.mdev.iommu.memory.Location;
import vfio.mdev.iommu.memory.MemoryRef;
import vfio.mdev.iommu.memory.PageNumbers;
import vfio.mdev.usage.UseCount;

/**
 * A range of an address space and its memory: {@code struct vfio_dma}. It ends in three steps: all pins and ranges are
 * dropped ({@link Pins}); the mapping leaves the address space; {@link #close} rejects new accesses and waits for
 * running ones. The last access frees the memory.
 */
final class DmaMapping {
    private final long first;
    private final long last;
    private final int prot;
    private final MemoryRef memory;

    /** The offset of the mapping in its memory. */
    private final long offset;

    private final PageNumbers numbers;
    private final Pins pins;
    private final CountDownLatch ended = new CountDownLatch(1);

    /** Counts running accesses and every {@link LentMapping}; the memory is freed at zero. */
    private final UseCount gate = new UseCount(this::end);

    /** Not null while dirty page tracking is on. Changed under the address space's lock. */
    private volatile @Nullable DirtyLog dirty;

    /** @param memory owned by the mapping */
    DmaMapping(long first, long last, int prot, MemoryRef memory, long offset, PageNumbers numbers) {
        this.first = first;
        this.last = last;
        this.prot = prot;
        this.memory = memory;
        this.offset = offset;
        this.numbers = numbers;
        this.pins = new Pins(this, numbers);
    }

    /** Adds mappings for the parts of this one outside of an overlapping range. */
    void addOutside(long rangeFirst, long rangeLast, List<DmaMapping> to) {
        if (Long.compareUnsigned(first, rangeFirst) < 0) {
            to.add(part(first, rangeFirst - 1));
        }
        if (Long.compareUnsigned(last, rangeLast) > 0) {
            to.add(part(rangeLast + 1, last));
        }
    }

    private DmaMapping part(long from, long to) {
        return new DmaMapping(from, to, prot, memory.retain(), offset + (from - first), numbers);
    }

    /** Discards a mapping that was never in an address space. */
    void discard() {
        memory.release();
    }

    long first() {
        return first;
    }

    /** The last byte, inclusive, so that a mapping can extend to the end of the address space. */
    long last() {
        return last;
    }

    /** In bytes, unsigned. */
    long size() {
        return last - first + 1;
    }

    long pages() {
        return size() >>> AddressSpace.PAGE_SHIFT;
    }

    /** @param wanted of {@link mdev.api.vfio.DmaAccess#IOMMU_READ} and IOMMU_WRITE */
    boolean allows(int wanted) {
        return (prot & wanted) == wanted;
    }

    Pins pins() {
        return pins;
    }

    Location location() {
        return memory.memory().location().plus(offset);
    }

    @Nullable
    DirtyLog dirty() {
        return dirty;
    }

    void track(@Nullable DirtyLog log) {
        dirty = log;
    }

    /** The number of bytes of this mapping from an address on, up to a limit. */
    long reach(long iova, long limit) {
        long rest = last - iova; // one less than the count, because 2^64 does not fit
        return Long.compareUnsigned(rest, limit - 1) < 0 ? rest + 1 : limit;
    }

    /** @return false when the mapping is gone: nothing was done */
    boolean read(long iova, MemorySegment data, long at, long length) throws ErrnoException {
        if (!gate.enter()) {
            return false;
        }
        try {
            memory.memory().read(offset + (iova - first), data, at, length);
            return true;
        } finally {
            gate.leave();
        }
    }

    /** @return false when the mapping is gone: nothing was done */
    boolean write(long iova, MemorySegment data, long at, long length) throws ErrnoException {
        if (!gate.enter()) {
            return false;
        }
        try {
            memory.memory().write(offset + (iova - first), data, at, length);
        } finally {
            markWritten(iova - first, length);
            gate.leave();
        }
        return true;
    }

    /** Called after the write, even if it may have been partial. */
    private void markWritten(long from, long length) {
        // A writer reads the log after its write, and a thread that starts tracking reads memory after publishing the
        // log: one of the two sees the other.
        VarHandle.fullFence();
        DirtyLog log = dirty;
        if (log != null) {
            log.mark(from >>> AddressSpace.PAGE_SHIFT, (from + length - 1) >>> AddressSpace.PAGE_SHIFT);
        }
    }

    /** Called by {@link #pins} while the mapping has not ended. */
    LentMapping lend() throws ErrnoException {
        MemorySegment bytes = memory.memory().bytes();
        if (bytes == null) {
            throw new ErrnoException(Errno.EFAULT, "the user's memory has no pages here: read and write it by DMA");
        }
        gate.enter();
        return new LentMapping(bytes.asSlice(offset, size()), gate::leave);
    }

    /** Rejects new accesses; called after the mapping has left the address space. */
    void close(Deadline deadline) {
        pins.revoke(deadline);
        gate.close();
    }

    /**
     * Waits for running accesses.
     *
     * @return whether all returned before the deadline; if not, the last access frees the memory
     */
    boolean await(Deadline deadline) {
        return deadline.awaitUninterruptibly(ended);
    }

    private void end() {
        memory.release();
        ended.countDown();
    }

    @Override
    public String toString() {
        return "iova 0x%x+0x%x".formatted(first, size());
    }
}
