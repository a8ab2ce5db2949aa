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
 * The vendors' pins ({@code vfio_dma.pfn_list}, but separate for each vendor) and ranges of one mapping. The monitor
 * guards one invariant: neither an ended mapping nor a released device has pins or ranges.
 */
final class Pins {
    private final DmaMapping mapping;
    private final PageNumbers numbers;
    private final Map<Attachment, VendorPins> byVendor = new LinkedHashMap<>();
    private boolean ended;

    Pins(DmaMapping mapping, PageNumbers numbers) {
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

    private static final class VendorPins {
        final LentMapping lent;
        final Map<Long, Pin> pins = new HashMap<>();
        final Map<Attachment.MappedRange, Span> ranges = new HashMap<>();

        VendorPins(LentMapping lent) {
            this.lent = lent;
        }

        boolean isEmpty() {
            return pins.isEmpty() && ranges.isEmpty();
        }
    }

    /** Adds a pin to a page; null if the mapping has ended. */
    synchronized @Nullable PinnedPage pin(Attachment vendor, long page, boolean writable) throws ErrnoException {
        if (ended) {
            return null;
        }
        VendorPins own = of(vendor);
        Pin pin = own.pins.computeIfAbsent(page, index -> new Pin(numbers.acquire(location(index))));
        pin.count++;
        pin.writable |= writable;
        long offset = page * DmaAccess.PAGE_SIZE;
        return new PinnedPage(pin.number, own.lent.of(offset, DmaAccess.PAGE_SIZE, writable));
    }

    /**
     * Drops one pin of a page; false if the mapping has ended. Unpinning a page that the vendor has not pinned is not
     * an error (surprise 21).
     */
    synchronized boolean unpin(Attachment vendor, long page) {
        if (ended) {
            return false;
        }
        VendorPins own = byVendor.get(vendor);
        Pin pin = own == null ? null : own.pins.get(page);
        if (own != null && pin != null && --pin.count == 0) {
            own.pins.remove(page);
            numbers.release(location(page));
        }
        return true;
    }

    /** Adds a part of the mapping to a range; null if the mapping has ended. */
    synchronized @Nullable MemorySegment mapRange(
            Attachment.MappedRange range, long offset, long length, boolean writable) throws ErrnoException {
        if (ended) {
            return null;
        }
        VendorPins own = of(range.owner());
        long lastPage = (offset + length - 1) / DmaAccess.PAGE_SIZE;
        own.ranges.put(range, new Span(offset / DmaAccess.PAGE_SIZE, lastPage, writable));
        return own.lent.of(offset, length, writable);
    }

    synchronized void release(Attachment.MappedRange range) {
        VendorPins own = byVendor.get(range.owner());
        if (own != null) {
            own.ranges.remove(range);
        }
    }

    /** Marks all pages that vendors can currently write ({@code vfio_dma_populate_bitmap()}). */
    synchronized void markWritable(DirtyLog log) {
        for (VendorPins own : byVendor.values()) {
            own.pins.forEach((page, pin) -> {
                if (pin.writable) {
                    log.mark(page, page);
                }
            });
            for (Span span : own.ranges.values()) {
                if (span.writable) {
                    log.mark(span.firstPage, span.lastPage);
                }
            }
        }
    }

    /** Ends the mapping if it has no pins or ranges; later requests are rejected. */
    synchronized boolean endUnpinned() {
        ended |= byVendor.values().stream().allMatch(VendorPins::isEmpty);
        return ended;
    }

    /**
     * Ends the mapping.
     *
     * @return the vendors that still held pins, for the log
     */
    synchronized List<Attachment> end() {
        ended = true;
        List<Attachment> unpinned = new ArrayList<>();
        byVendor.forEach((vendor, own) -> {
            if (!own.isEmpty()) {
                unpinned.add(vendor);
                drop(own);
            }
        });
        return unpinned;
    }

    /**
     * Drops the pins and ranges of a vendor.
     *
     * @return whether the vendor held any
     */
    boolean unpinAll(Attachment vendor, Deadline deadline) {
        VendorPins own;
        boolean some;
        synchronized (this) {
            own = byVendor.remove(vendor);
            some = own != null && !own.isEmpty();
            if (own != null) {
                drop(own);
            }
        }
        if (own != null) {
            own.lent.close(deadline, vendor.vendor());
        }
        return some;
    }

    /** Invalidates all lent segments; called after the mapping has ended. */
    void revoke(Deadline deadline) {
        Map<Attachment, VendorPins> all;
        synchronized (this) {
            if (byVendor.isEmpty()) {
                return;
            }
            all = new LinkedHashMap<>(byVendor);
            byVendor.clear();
        }
        all.forEach((vendor, own) -> own.lent.close(deadline, vendor.vendor()));
    }

    synchronized int pinnedPages() {
        return byVendor.values().stream().mapToInt(own -> own.pins.size()).sum();
    }

    synchronized int ranges() {
        return byVendor.values().stream().mapToInt(own -> own.ranges.size()).sum();
    }

    private VendorPins of(Attachment vendor) throws ErrnoException {
        if (vendor.isDetached()) {
            throw new ErrnoException(Errno.ENODEV, "the device is released");
        }
        VendorPins own = byVendor.get(vendor);
        if (own == null) {
            own = new VendorPins(mapping.lend());
            byVendor.put(vendor, own);
        }
        return own;
    }

    private void drop(VendorPins own) {
        own.pins.keySet().forEach(page -> numbers.release(location(page)));
        own.pins.clear();
        own.ranges.clear();
    }

    private Location location(long page) {
        return mapping.location().plus(page * DmaAccess.PAGE_SIZE);
    }
}
