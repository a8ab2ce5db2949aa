package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.MemFd;
import mdev.linux.Seal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.migration.Memory;

/**
 * The memory behind an open device's regions: one memfd each, allocated on the vendor's first request and kept until
 * the release. The next user gets new files: a user that keeps a mapping of the old files keeps its own data and sees
 * nothing of later users. Thread-safe.
 */
final class RegionMemories implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RegionMemories.class);

    private final String device;
    private final RegionSpace space;

    /** The monitor guards both: no memory is created after the close, which would leak it. */
    private final Map<Integer, Region> regions = new TreeMap<>();

    private boolean closed;

    /** Whether they have the content of a restored device, which its next user gets. */
    private boolean kept;

    /** The file for the user, and the vendor's view of it. */
    private record Region(Fd file, Mapping view) {}

    RegionMemories(String device, RegionSpace space) {
        this.device = device;
        this.space = space;
    }

    /** Returns a region's memory; errors as for {@code VfioContext.regionMemory}. */
    synchronized MemorySegment map(int region, long size) throws ErrnoException {
        if (region < 0 || size < 1) {
            throw new ErrnoException(Errno.EINVAL, "region " + region + " of " + size + " bytes");
        }
        if (closed) {
            throw new ErrnoException(Errno.ENODEV, "the device is released");
        }
        Region there = regions.get(region);
        if (there == null) {
            there = make(region, size);
            regions.put(region, there); // closed in close()
        }
        MemorySegment memory = there.view.segment();
        if (memory.byteSize() != size) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    "the memory of region " + region + " has " + memory.byteSize() + " bytes, not " + size);
        }
        return memory;
    }

    private Region make(int region, long size) throws ErrnoException {
        space.take(size); // given back in close(), or below
        try {
            // A user that gets the file must not be able to truncate it while the vendor uses it.
            Fd file = MemFd.create("mdev-" + device + "-" + region, size, Seal.SHRINK, Seal.GROW, Seal.SEAL);
            try {
                return new Region(file, Mapping.of(file, 0, size, Mapping.Protection.READ_WRITE));
            } catch (LinuxException e) {
                file.close();
                throw e;
            }
        } catch (LinuxException e) {
            space.give(size);
            throw failure(e);
        }
    }

    /** Returns another descriptor of a region's file, which the caller owns. */
    synchronized int dup(int region) throws ErrnoException {
        Region there = regions.get(region);
        if (there == null) {
            throw new ErrnoException(Errno.EINVAL, "region " + region + " has no memory that can be mapped");
        }
        try {
            return there.file.dup().release();
        } catch (LinuxException e) {
            throw failure(e);
        }
    }

    /** Errors as for {@code VfioContext.clearRegionMemory}. Mappings of the file stay valid but lose their pages. */
    synchronized void clear(int region) throws ErrnoException {
        if (closed) {
            throw new ErrnoException(Errno.ENODEV, "the device is released");
        }
        Region there = regions.get(region);
        if (there == null) {
            throw new ErrnoException(Errno.EINVAL, "region " + region + " has no memory");
        }
        try {
            there.file.punchHole(0, there.view.segment().byteSize());
        } catch (LinuxException e) {
            throw failure(e);
        }
    }

    synchronized void keep() {
        kept = true;
    }

    synchronized boolean isKept() {
        return kept;
    }

    /** Clears all memories. */
    synchronized void clear() throws ErrnoException {
        for (int region : regions.keySet()) {
            clear(region);
        }
    }

    /** The memories in the order of their regions; valid until the close. */
    synchronized List<Memory> all() {
        return regions.entrySet().stream()
                .map(entry -> new Memory(
                        entry.getKey(),
                        entry.getValue().file,
                        entry.getValue().view.segment()))
                .toList();
    }

    private ErrnoException failure(LinuxException e) {
        LOG.warn("device {}: region memory failed: {}", device, e.toString());
        return new ErrnoException(Errno.of(e.errno()), e.toString());
    }

    /**
     * Revokes the memory from the vendor: further accesses fail. It is freed once the last user has unmapped it too.
     */
    @Override
    public synchronized void close() {
        closed = true;
        for (Region region : regions.values()) {
            long size = region.view.segment().byteSize();
            region.view.close();
            region.file.close();
            space.give(size);
        }
        regions.clear();
    }
}
