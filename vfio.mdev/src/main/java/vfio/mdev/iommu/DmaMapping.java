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
 * A range of an address space with what stands behind it: {@code struct vfio_dma}. It ends in three steps: nobody holds
 * anything of it any more ({@link Pins}); the address space has no mapping there; {@link #close} lets no access in and
 * waits for those inside. Who leaves last gives the memory back.
 */
final class DmaMapping {
    private final long first;
    private final long last;
    private final int prot;
    private final MemoryRef memory;

    /** Where the mapping begins in its memory. */
    private final long offset;

    private final PageNumbers numbers;
    private final Pins pins;
    private final CountDownLatch ended = new CountDownLatch(1);

    /** Accesses are inside, and so is every {@link LentMapping}: while it is not empty the memory stays. */
    private final UseCount gate = new UseCount(this::end);

    /** Not null while written pages are tracked. Changed under the address space's lock. */
    private volatile @Nullable DirtyLog dirty;

    /** @param memory used up by the mapping */
    DmaMapping(long first, long last, int prot, MemoryRef memory, long offset, PageNumbers numbers) {
        this.first = first;
        this.last = last;
        this.prot = prot;
        this.memory = memory;
        this.offset = offset;
        this.numbers = numbers;
        this.pins = new Pins(this, numbers);
    }

    /** Adds mappings of what this one has outside of a range that it has a byte in. */
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

    /** Gives up a mapping that has not been in an address space. */
    void discard() {
        memory.release();
    }

    long first() {
        return first;
    }

    /** The last byte, so that a mapping can end where the address space does. */
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

    /** How many bytes from an address on belong to this mapping, up to a limit. */
    long reach(long iova, long limit) {
        long rest = last - iova; // one less than there are: all 2^64 do not fit
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

    /** After the bytes are in place, and also when only some of them may be. */
    private void markWritten(long from, long length) {
        // The log is looked at after the write, and whoever starts to track looks at memory after that: one of the two
        // sees the other.
        VarHandle.fullFence();
        DirtyLog log = dirty;
        if (log != null) {
            log.mark(from >>> AddressSpace.PAGE_SHIFT, (from + length - 1) >>> AddressSpace.PAGE_SHIFT);
        }
    }

    /** Called by {@link #pins}, when the mapping is not gone. */
    LentMapping lend() throws ErrnoException {
        MemorySegment bytes = memory.memory().bytes();
        if (bytes == null) {
            throw new ErrnoException(Errno.EFAULT, "the user's memory has no pages here: read and write it by DMA");
        }
        gate.enter();
        return new LentMapping(bytes.asSlice(offset, size()), gate::leave);
    }

    /** Lets no access in any more; after the mapping has left the address space. */
    void close(Deadline deadline) {
        pins.revoke(deadline);
        gate.close();
    }

    /**
     * Waits until no access is inside.
     *
     * @return whether that was before the deadline; else the last access frees the memory
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
