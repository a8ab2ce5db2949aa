package vfio.mdev.iommu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.PinnedPage;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import vfio.mdev.iommu.memory.Location;
import vfio.mdev.iommu.memory.PageNumbers;

/**
 * What vendors hold of one mapping: pins ({@code vfio_dma.pfn_list}), but each vendor's its own, and ranges. The
 * monitor guards one thing: a mapping that is gone is held by nobody, nor by a device that is released.
 */
final class Holds {
    private final DmaMapping mapping;
    private final PageNumbers numbers;
    private final Map<Attachment, Held> byVendor = new LinkedHashMap<>();
    private boolean gone;

    Holds(DmaMapping mapping, PageNumbers numbers) {
        this.mapping = mapping;
        this.numbers = numbers;
    }

    private static final class Pin {
        final long number;
        int count;
        boolean writable;

        Pin(long number) {
            this.number = number;
        }
    }

    private record Span(long firstPage, long lastPage, boolean writable) {}

    private static final class Held {
        final Views views;
        final Map<Long, Pin> pins = new HashMap<>();
        final Map<Attachment.HeldRange, Span> ranges = new HashMap<>();

        Held(Views views) {
            this.views = views;
        }

        boolean isEmpty() {
            return pins.isEmpty() && ranges.isEmpty();
        }
    }

    /** Pins a page once more; null when the mapping is gone. */
    synchronized @Nullable PinnedPage pin(Attachment vendor, long page, boolean writable) throws ErrnoException {
        if (gone) {
            return null;
        }
        Held held = held(vendor);
        Pin pin = held.pins.computeIfAbsent(page, index -> new Pin(numbers.acquire(location(index))));
        pin.count++;
        pin.writable |= writable;
        long offset = page * DmaAccess.PAGE_SIZE;
        return new PinnedPage(pin.number, held.views.of(offset, DmaAccess.PAGE_SIZE, writable));
    }

    /**
     * Lets go of a page once; false when the mapping is gone. A page that the vendor has not pinned is no mistake
     * (surprise 21).
     */
    synchronized boolean unpin(Attachment vendor, long page) {
        if (gone) {
            return false;
        }
        Held held = byVendor.get(vendor);
        Pin pin = held == null ? null : held.pins.get(page);
        if (held != null && pin != null && --pin.count == 0) {
            held.pins.remove(page);
            numbers.release(location(page));
        }
        return true;
    }

    /** Adds a part of the mapping to a range; null when the mapping is gone. */
    synchronized @Nullable MemorySegment hold(Attachment.HeldRange range, long offset, long length, boolean writable)
            throws ErrnoException {
        if (gone) {
            return null;
        }
        Held held = held(range.owner());
        long lastPage = (offset + length - 1) / DmaAccess.PAGE_SIZE;
        held.ranges.put(range, new Span(offset / DmaAccess.PAGE_SIZE, lastPage, writable));
        return held.views.of(offset, length, writable);
    }

    synchronized void release(Attachment.HeldRange range) {
        Held held = byVendor.get(range.owner());
        if (held != null) {
            held.ranges.remove(range);
        }
    }

    /** Marks what vendors may be writing now ({@code vfio_dma_populate_bitmap()}). */
    synchronized void markWritable(DirtyLog log) {
        for (Held held : byVendor.values()) {
            held.pins.forEach((page, pin) -> {
                if (pin.writable) {
                    log.mark(page, page);
                }
            });
            for (Span span : held.ranges.values()) {
                if (span.writable) {
                    log.mark(span.firstPage, span.lastPage);
                }
            }
        }
    }

    /** Ends the mapping, if nobody holds anything of it; then nobody will. */
    synchronized boolean endUnheld() {
        gone |= byVendor.values().stream().allMatch(Held::isEmpty);
        return gone;
    }

    /**
     * Ends the mapping.
     *
     * @return who loses what it did not give back, to be named in the log
     */
    synchronized List<Attachment> end() {
        gone = true;
        List<Attachment> robbed = new ArrayList<>();
        byVendor.forEach((vendor, held) -> {
            if (!held.isEmpty()) {
                robbed.add(vendor);
                drop(held);
            }
        });
        return robbed;
    }

    /**
     * Takes back what a vendor holds.
     *
     * @return whether there was something
     */
    boolean takeBack(Attachment vendor, Deadline deadline) {
        Held held;
        boolean some;
        synchronized (this) {
            held = byVendor.remove(vendor);
            some = held != null && !held.isEmpty();
            if (held != null) {
                drop(held);
            }
        }
        if (held != null) {
            held.views.close(deadline, vendor.vendor());
        }
        return some;
    }

    /** Makes all views throw; after the mapping was ended. */
    void closeViews(Deadline deadline) {
        Map<Attachment, Held> all;
        synchronized (this) {
            if (byVendor.isEmpty()) {
                return;
            }
            all = new LinkedHashMap<>(byVendor);
            byVendor.clear();
        }
        all.forEach((vendor, held) -> held.views.close(deadline, vendor.vendor()));
    }

    synchronized int pinnedPages() {
        return byVendor.values().stream().mapToInt(held -> held.pins.size()).sum();
    }

    synchronized int ranges() {
        return byVendor.values().stream().mapToInt(held -> held.ranges.size()).sum();
    }

    private Held held(Attachment vendor) throws ErrnoException {
        if (vendor.isDetached()) {
            throw new ErrnoException(Errno.ENODEV, "the device is released");
        }
        Held held = byVendor.get(vendor);
        if (held == null) {
            held = new Held(mapping.openViews());
            byVendor.put(vendor, held);
        }
        return held;
    }

    private void drop(Held held) {
        held.pins.keySet().forEach(page -> numbers.release(location(page)));
        held.pins.clear();
        held.ranges.clear();
    }

    private Location location(long page) {
        return mapping.location().plus(page * DmaAccess.PAGE_SIZE);
    }
}
