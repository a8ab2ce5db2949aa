package vfio.mdev.iommu;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;

/** A model of type1v2, as simple as possible: pages by number, one thread, no optimization. */
final class Model {
    static final int READ = 1;
    static final int WRITE = 2;

    final TreeMap<Integer, Mapping> mappings = new TreeMap<>();
    final byte[] memory;
    boolean tracking;
    int notifiers;

    Model(byte[] memory) {
        this.memory = memory;
    }

    /** A vendor's pins of a page. */
    static final class Pin {
        int count;
        boolean writable;
    }

    record Range(int vendor, int id, int first, int last, boolean writable) {}

    static final class Mapping {
        final int first;
        final int last;
        final int prot;
        final int memoryPage;
        final Map<Integer, Map<Integer, Pin>> pins = new HashMap<>();
        final Set<Range> ranges = new HashSet<>();
        final BitSet dirty = new BitSet();

        Mapping(int first, int last, int prot, int memoryPage) {
            this.first = first;
            this.last = last;
            this.prot = prot;
            this.memoryPage = memoryPage;
        }

        boolean pinned() {
            return pins.values().stream().anyMatch(all -> !all.isEmpty());
        }
    }

    @Nullable
    Mapping find(int page) {
        Map.Entry<Integer, Mapping> below = mappings.floorEntry(page);
        return below != null && below.getValue().last >= page ? below.getValue() : null;
    }

    private Mapping find(int page, int prot) throws ErrnoException {
        Mapping mapping = find(page);
        if (mapping == null) {
            throw new ErrnoException(Errno.EINVAL);
        }
        if ((mapping.prot & prot) != prot) {
            throw new ErrnoException(Errno.EPERM);
        }
        return mapping;
    }

    void map(int first, int last, int prot, int memoryPage) throws ErrnoException {
        if (prot == 0) {
            throw new ErrnoException(Errno.EINVAL);
        }
        for (int page = first; page <= last; page++) {
            if (find(page) != null) {
                throw new ErrnoException(Errno.EEXIST);
            }
        }
        mappings.put(first, new Mapping(first, last, prot, memoryPage));
    }

    /** The mappings that an unmap of the range removes, in order. */
    List<Mapping> victims(int first, int last) throws ErrnoException {
        Mapping at = find(first);
        Mapping end = find(last);
        if ((at != null && at.first != first) || (end != null && end.last != last)) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return new ArrayList<>(mappings.subMap(first, true, last, true).values());
    }

    void pin(int vendor, int[] pages, int prot) throws ErrnoException {
        if (notifiers == 0) {
            throw new ErrnoException(Errno.EINVAL);
        }
        int done = 0;
        try {
            for (; done < pages.length; done++) {
                Mapping mapping = find(pages[done], prot);
                Pin pin = mapping.pins
                        .computeIfAbsent(vendor, _ -> new HashMap<>())
                        .computeIfAbsent(pages[done], _ -> new Pin());
                pin.count++;
                pin.writable |= (prot & WRITE) != 0;
                if (tracking && (prot & WRITE) != 0) {
                    mapping.dirty.set(pages[done]);
                }
            }
        } catch (ErrnoException e) {
            for (int i = 0; i < done; i++) {
                unpinOne(vendor, pages[i]);
            }
            throw e;
        }
    }

    int unpin(int vendor, int[] pages) throws ErrnoException {
        int done = 0;
        while (done < pages.length && find(pages[done]) != null) {
            unpinOne(vendor, pages[done++]);
        }
        if (done == 0) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return done;
    }

    private void unpinOne(int vendor, int page) {
        Map<Integer, Pin> pins = Objects.requireNonNull(find(page)).pins.getOrDefault(vendor, Map.of());
        Pin pin = pins.get(page);
        if (pin != null && --pin.count == 0) {
            pins.remove(page);
        }
    }

    void hold(Range range, int prot) throws ErrnoException {
        if (notifiers == 0) {
            throw new ErrnoException(Errno.EINVAL);
        }
        Set<Mapping> crossed = new HashSet<>();
        for (int page = range.first; page <= range.last; page++) {
            Mapping mapping = find(page, prot);
            crossed.add(mapping);
            if (tracking && range.writable) {
                mapping.dirty.set(page);
            }
        }
        crossed.forEach(mapping -> mapping.ranges.add(range));
    }

    void let(Range range) {
        mappings.values().forEach(mapping -> mapping.ranges.remove(range));
    }

    /** The pages that vendors can currently write. */
    private static void markWritable(Mapping mapping) {
        mapping.pins
                .values()
                .forEach(pins -> pins.forEach((page, pin) -> {
                    if (pin.writable) {
                        mapping.dirty.set(page);
                    }
                }));
        for (Range range : mapping.ranges) {
            if (range.writable) {
                mapping.dirty.set(Math.max(range.first, mapping.first), Math.min(range.last, mapping.last) + 1);
            }
        }
    }

    void start() {
        if (!tracking) {
            tracking = true;
            mappings.values().forEach(mapping -> {
                mapping.dirty.clear();
                markWritable(mapping);
            });
        }
    }

    /** The pages written since the last report. */
    BitSet report(int first, int last) throws ErrnoException {
        if (!tracking) {
            throw new ErrnoException(Errno.EINVAL);
        }
        BitSet pages = new BitSet();
        for (Mapping mapping : victims(first, last)) {
            pages.or(mapping.dirty);
            mapping.dirty.clear();
            markWritable(mapping);
        }
        return pages;
    }

    /**
     * Moves bytes between device and memory.
     *
     * @return the number of bytes moved before an error, which the next look-up throws
     */
    int dma(int page, int offset, byte[] data, boolean write) throws ErrnoException {
        int done = 0;
        while (done < data.length) {
            int at = page + (offset + done) / 4096;
            Mapping mapping = find(at, write ? READ | WRITE : READ);
            int from = (mapping.memoryPage + at - mapping.first) * 4096 + (offset + done) % 4096;
            int length = Math.min(4096 - (offset + done) % 4096, data.length - done);
            if (write) {
                System.arraycopy(data, done, memory, from, length);
                if (tracking) {
                    mapping.dirty.set(at);
                }
            } else {
                System.arraycopy(memory, from, data, done, length);
            }
            done += length;
        }
        return done;
    }
}
