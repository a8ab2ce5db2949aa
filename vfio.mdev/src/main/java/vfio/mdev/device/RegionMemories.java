package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.MemFd;
import mdev.linux.Seal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory behind an open device's regions: one memfd each, from the vendor's first wish for it until the release. The next user gets other files: who kept a
 * mapping of these keeps what was his, and sees nothing of what comes after him. Any thread.
 */
final class RegionMemories implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RegionMemories.class);

    private final String device;

    /** The monitor guards both: after the close nothing is made that nobody would close. */
    private final Map<Integer, Region> regions = new HashMap<>();

    private boolean closed;

    /** What the user can have, and what the vendor sees of it. */
    private record Region(Fd file, Mapping view) {}

    RegionMemories(String device) {
        this.device = device;
    }

    /** A region's memory; errors as for {@code VfioContext.regionMemory}. */
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
        try {
            // A user who gets the file must not be able to cut it under the vendor.
            Fd file = MemFd.create("mdev-" + device + "-" + region, size, Seal.SHRINK, Seal.GROW, Seal.SEAL);
            try {
                return new Region(file, Mapping.of(file, 0, size, Mapping.Protection.READ_WRITE));
            } catch (LinuxException e) {
                file.close();
                throw e;
            }
        } catch (LinuxException e) {
            throw failure(e);
        }
    }

    /** Another descriptor of a region's file, which the caller owns. */
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

    /** Errors as for {@code VfioContext.clearRegionMemory}. Mappings of the file stay, and lose their pages. */
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

    private ErrnoException failure(LinuxException e) {
        LOG.warn("device {}: the memory of a region: {}", device, e.toString());
        return new ErrnoException(Errno.of(e.errno()), e.toString());
    }

    /** Takes the memory from the vendor: no access is possible any more. It is given back when the last user who maps it has let go too. */
    @Override
    public synchronized void close() {
        closed = true;
        for (Region region : regions.values()) {
            region.view.close();
            region.file.close();
        }
        regions.clear();
    }
}
