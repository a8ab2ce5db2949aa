package vfio.mdev.iommu.memory;

import java.util.HashMap;
import java.util.Map;
import mdev.api.vfio.DmaAccess;

/**
 * The numbers of pinned pages: the equivalent of physical page numbers in a kernel driver, but not addresses. Equal for
 * equal pages, across mappings, containers and back-ends, as long as one of them is pinned.
 */
public final class PageNumbers {
    /** Guarded by this: a pinned page has exactly one number, which no other page has. */
    private final Map<Page, Entry> pinned = new HashMap<>();

    private long next = 1;

    private record Page(Location.Space space, long index) {}

    private static final class Entry {
        final long number;
        int pins;

        Entry(long number) {
            this.number = number;
        }
    }

    /** Pairs with {@link #release} for the same location. */
    public synchronized long acquire(Location location) {
        Entry entry = pinned.computeIfAbsent(page(location), _ -> new Entry(next++));
        entry.pins++;
        return entry.number;
    }

    public synchronized void release(Location location) {
        Page page = page(location);
        Entry entry = pinned.get(page);
        if (entry == null) {
            throw new IllegalStateException("not pinned: " + location);
        }
        if (--entry.pins == 0) {
            pinned.remove(page);
        }
    }

    /** The number of pinned pages. */
    public synchronized int size() {
        return pinned.size();
    }

    private static Page page(Location location) {
        return new Page(location.space(), Long.divideUnsigned(location.start(), DmaAccess.PAGE_SIZE));
    }
}
