package vfio.mdev.iommu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.IommuState;
import mdev.api.vfio.PinnedPage;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The mappings of one container and the devices' operations on them; the part shared by all back-ends. Devices look up
 * mappings without a lock, in the most recently published tree.
 */
final class AddressSpace {
    static final int PAGE_SHIFT = 12;

    private static final Logger LOG = LoggerFactory.getLogger(AddressSpace.class);

    private final Pinning pinning;
    private final Notifiers notifiers;

    /**
     * The monitor serializes changes: mappings never overlap, and each has a {@link DirtyLog} while dirty tracking is
     * on. It is never held during a call to foreign code.
     */
    private volatile MappingTree mappings = MappingTree.EMPTY;

    private boolean tracking;

    /** Whether vendors may pin pages; type1 version 1 forbids it. */
    enum Pinning {
        ALLOWED,
        FORBIDDEN
    }

    /** How to treat a mapping that overlaps the border of an unmapped range. */
    enum AtBorder {
        /** Version 1: removes the whole mapping if its first page is in the range. */
        TAKE_BY_FIRST_PAGE,
        /** Version 2: removes nothing and fails with EINVAL. */
        REFUSE,
        /** sPAPR: keeps the part outside of the range. */
        SPLIT
    }

    AddressSpace(Pinning pinning, BoundedCalls notifierCalls) {
        this.pinning = pinning;
        this.notifiers = new Notifiers(notifierCalls);
    }

    Notifiers notifiers() {
        return notifiers;
    }

    MappingTree mappings() {
        return mappings;
    }

    DmaAttachment attach(String vendor) {
        return new Attachment(this, vendor);
    }

    // Operations of devices.

    void checkPinning() throws ErrnoException {
        if (pinning == Pinning.FORBIDDEN) {
            throw new ErrnoException(Errno.EACCES, "a version 1 container has no pinned pages");
        }
    }

    PinnedPage pin(Attachment vendor, long iova, int prot) throws ErrnoException {
        boolean writable = (prot & DmaAccess.IOMMU_WRITE) != 0;
        while (true) {
            DmaMapping mapping = find(iova, prot);
            long page = (iova - mapping.first()) >>> PAGE_SHIFT;
            PinnedPage pinned = mapping.pins().pin(vendor, page, writable);
            if (pinned != null) {
                DirtyLog log = mapping.dirty();
                if (writable && log != null) {
                    log.mark(page, page);
                }
                return pinned;
            }
            Thread.onSpinWait(); // the mapping is being removed from the tree
        }
    }

    /** @return false if the address is not mapped */
    boolean unpin(Attachment vendor, long iova) {
        while (true) {
            DmaMapping mapping = mappings.find(iova);
            if (mapping == null) {
                return false;
            }
            if (mapping.pins().unpin(vendor, (iova - mapping.first()) >>> PAGE_SHIFT)) {
                return true;
            }
            Thread.onSpinWait();
        }
    }

    /** Adds the mappings between two bytes to a range; the caller closes the range on failure. */
    void mapRange(Attachment.MappedRange range, long first, long last, int prot) throws ErrnoException {
        boolean writable = (prot & DmaAccess.IOMMU_WRITE) != 0;
        long iova = first;
        while (true) {
            DmaMapping mapping = find(iova, prot);
            long length = mapping.reach(iova, last - iova + 1);
            long offset = iova - mapping.first();
            MemorySegment segment = mapping.pins().mapRange(range, offset, length, writable);
            if (segment == null) {
                Thread.onSpinWait();
                continue;
            }
            range.add(mapping, segment);
            DirtyLog log = mapping.dirty();
            if (writable && log != null) {
                log.mark(offset >>> PAGE_SHIFT, (offset + length - 1) >>> PAGE_SHIFT);
            }
            if (mapping.last() == last || Long.compareUnsigned(mapping.last(), last) > 0) {
                return;
            }
            iova += length;
        }
    }

    void unpinAll(Attachment vendor) {
        Deadline deadline = Eviction.deadline();
        List<DmaMapping> kept = new ArrayList<>();
        mappings.forEach(mapping -> {
            if (mapping.pins().unpinAll(vendor, deadline)) {
                kept.add(mapping);
            }
        });
        if (!kept.isEmpty()) {
            LOG.warn("{} was released with pages pinned in {}; they are unpinned", vendor, kept);
        }
    }

    void read(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        for (long done = 0; done < length; ) {
            long at = after(iova, done);
            DmaMapping mapping = find(at, DmaAccess.IOMMU_READ);
            long part = mapping.reach(at, length - done);
            if (mapping.read(at, data, offset + done, part)) {
                done += part;
            }
        }
    }

    void write(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        for (long done = 0; done < length; ) {
            long at = after(iova, done);
            DmaMapping mapping = find(at, DmaAccess.IOMMU_READ | DmaAccess.IOMMU_WRITE);
            long part = mapping.reach(at, length - done);
            if (mapping.write(at, data, offset + done, part)) {
                done += part;
            }
        }
    }

    private static long after(long iova, long done) throws ErrnoException {
        if (Long.compareUnsigned(iova + done, iova) < 0) {
            throw new ErrnoException(Errno.EINVAL, "beyond the address space");
        }
        return iova + done;
    }

    private DmaMapping find(long iova, int prot) throws ErrnoException {
        DmaMapping mapping = mappings.find(iova);
        if (mapping == null) {
            throw Attachment.notMapped(iova);
        }
        if (!mapping.allows(prot)) {
            throw new ErrnoException(Errno.EPERM, "the user's flags do not allow this access to " + mapping);
        }
        return mapping;
    }

    // Operations of the user.

    /** @throws ErrnoException EEXIST, ENOSPC, EINVAL; the mapping is not inserted then */
    synchronized void insert(DmaMapping mapping, int limit) throws ErrnoException {
        checkFree(mapping.first(), mapping.last(), limit);
        if (tracking) {
            mapping.track(newLog(mapping));
        }
        mappings = mappings.with(mapping);
    }

    /** Throws if an insertion would currently be rejected. */
    void checkFree(long first, long last, int limit) throws ErrnoException {
        DmaMapping there = mappings.overlapping(first, last);
        if (there != null) {
            throw new ErrnoException(Errno.EEXIST, there + " is mapped");
        }
        if (mappings.count() >= limit) {
            throw new ErrnoException(Errno.ENOSPC, "there are " + limit + " mappings");
        }
    }

    /**
     * Unmaps a range. Vendors that hold pins or ranges are notified first; when this returns, no access is possible.
     *
     * @param successors replace the last removed mapping in one atomic step
     * @return the removed mappings
     * @throws ErrnoException EINVAL: see {@link AtBorder#REFUSE}
     */
    List<DmaMapping> evict(long first, long last, AtBorder atBorder, List<DmaMapping> successors)
            throws ErrnoException {
        Eviction eviction = new Eviction(LOG::warn);
        try {
            for (DmaMapping held = evictUnpinned(first, last, atBorder, successors, eviction);
                    held != null;
                    held = evictUnpinned(first, last, atBorder, successors, eviction)) {
                eviction.ask(held, notifiers);
            }
        } finally {
            eviction.finish();
        }
        return eviction.mappings();
    }

    /**
     * Removes mappings that no vendor holds, up to the first one that is held; the caller then notifies the vendors
     * without the monitor.
     */
    private synchronized @Nullable DmaMapping evictUnpinned(
            long first, long last, AtBorder atBorder, List<DmaMapping> successors, Eviction eviction)
            throws ErrnoException {
        if (atBorder == AtBorder.REFUSE) {
            checkUncut(mappings, first, last);
        }
        List<DmaMapping> ended = new ArrayList<>();
        DmaMapping next =
                atBorder == AtBorder.SPLIT ? mappings.overlapping(first, last) : mappings.beginningIn(first, last);
        while (next != null && eviction.end(next)) {
            ended.add(next);
            boolean more = Long.compareUnsigned(next.last(), last) < 0;
            next = more ? mappings.beginningIn(next.last() + 1, last) : null;
        }
        List<DmaMapping> added = new ArrayList<>(next == null ? successors : List.of());
        if (atBorder == AtBorder.SPLIT) {
            ended.forEach(mapping -> mapping.addOutside(first, last, added));
        }
        // A thread that finds a mapping ended retries until the mapping is out of the tree.
        mappings = mappings.replace(ended, added);
        return next;
    }

    // Dirty page tracking.

    synchronized void startTracking() throws ErrnoException {
        if (tracking) {
            return;
        }
        List<DmaMapping> all = new ArrayList<>();
        mappings.forEach(all::add);
        List<DirtyLog> logs = new ArrayList<>(all.size());
        for (DmaMapping mapping : all) {
            logs.add(newLog(mapping));
        }
        for (int i = 0; i < all.size(); i++) {
            all.get(i).track(logs.get(i));
            all.get(i).pins().markWritable(logs.get(i));
        }
        tracking = true;
    }

    synchronized void stopTracking() {
        tracking = false;
        mappings.forEach(mapping -> mapping.track(null));
    }

    synchronized boolean isTracking() {
        return tracking;
    }

    /**
     * {@code vfio_iova_dirty_bitmap()}.
     *
     * @param bitmap zero within the range
     * @param uncut whether a range that cuts a mapping is EINVAL, as for the ioctl on a container
     */
    synchronized void report(long first, long last, DirtyBitmap bitmap, boolean uncut) throws ErrnoException {
        if (!tracking) {
            throw new ErrnoException(Errno.EINVAL, "dirty page tracking is off");
        }
        if (uncut) {
            checkUncut(mappings, first, last);
        }
        DmaMapping cut = mappings.find(first);
        for (DmaMapping mapping = cut == null ? mappings.beginningIn(first, last) : cut;
                mapping != null;
                mapping = Long.compareUnsigned(mapping.last(), last) >= 0
                        ? null
                        : mappings.beginningIn(mapping.last() + 1, last)) {
            DirtyLog log = mapping.dirty();
            if (log != null) {
                long from = mapping.equals(cut) ? first : mapping.first();
                long to = Long.compareUnsigned(mapping.last(), last) < 0 ? mapping.last() : last;
                log.drain(
                        bitmap.data(),
                        (from - first) >>> PAGE_SHIFT,
                        (from - mapping.first()) >>> PAGE_SHIFT,
                        (to - mapping.first()) >>> PAGE_SHIFT);
                mapping.pins().markWritable(log);
            }
        }
    }

    /** @throws ErrnoException EINVAL: the range contains only a part of a mapping */
    static void checkUncut(MappingTree mappings, long first, long last) throws ErrnoException {
        DmaMapping at = mappings.find(first);
        DmaMapping end = mappings.find(last);
        if ((at != null && at.first() != first) || (end != null && end.last() != last)) {
            throw new ErrnoException(Errno.EINVAL, "the range cuts a mapping");
        }
    }

    private static DirtyLog newLog(DmaMapping mapping) throws ErrnoException {
        if (mapping.pages() > DirtyLog.MAX_PAGES) {
            throw new ErrnoException(Errno.EINVAL, mapping + " is too large for dirty page tracking");
        }
        return new DirtyLog(mapping.pages());
    }

    IommuState state(String name) {
        MappingTree now = mappings;
        int[] held = new int[2];
        long[] written = new long[1];
        now.forEach(mapping -> {
            held[0] += mapping.pins().pinnedPages();
            held[1] += mapping.pins().ranges();
            DirtyLog log = mapping.dirty();
            written[0] += log == null ? 0 : log.count();
        });
        return new IommuState(name, now.count(), now.bytes(), held[0], held[1], isTracking(), written[0]);
    }
}
