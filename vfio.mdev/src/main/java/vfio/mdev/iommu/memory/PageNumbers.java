package vfio.mdev.iommu.memory;

import java.util.HashMap;
import java.util.Map;
import mdev.api.vfio.DmaAccess;

/**
 * The numbers of pinned pages: what a physical page number is to a kernel driver, without being an address. Equal for
 * equal pages, across mappings, containers and back-ends, as long as one of them is pinned.
 */
public final class PageNumbers {
    /** Guarded by this: a page has one number while it is pinned, and no other page has it. */
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

    /** How many pages have a number. */
    public synchronized int size() {
        return pinned.size();
    }

    private static Page page(Location location) {
        return new Page(location.space(), Long.divideUnsigned(location.start(), DmaAccess.PAGE_SIZE));
    }
}
