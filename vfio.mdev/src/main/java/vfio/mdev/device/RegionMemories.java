package vfio.mdev.device;

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

/** The memory behind a device's regions: one memfd each, from the vendor's first wish for it until the device is gone. Any thread. */
final class RegionMemories implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RegionMemories.class);

    private final String device;

    /** The monitor guards both: after the close no file is made that nobody would close. */
    private final Map<Integer, File> files = new HashMap<>();

    private boolean closed;

    private record File(Fd fd, long size) {}

    RegionMemories(String device) {
        this.device = device;
    }

    /** A view of a region's memory, which the caller owns; errors as for {@code VfioContext.regionMemory}. */
    synchronized Mapping map(int region, long size) throws ErrnoException {
        if (region < 0 || size < 1) {
            throw new ErrnoException(Errno.EINVAL, "region " + region + " of " + size + " bytes");
        }
        if (closed) {
            throw new ErrnoException(Errno.ENODEV, "the device is gone");
        }
        File file = files.get(region);
        if (file != null && file.size != size) {
            throw new ErrnoException(
                    Errno.EINVAL, "the memory of region " + region + " has " + file.size + " bytes, not " + size);
        }
        try {
            if (file == null) {
                // A user who gets the file must not be able to cut it under the vendor.
                file = new File(
                        MemFd.create("mdev-" + device + "-" + region, size, Seal.SHRINK, Seal.GROW, Seal.SEAL), size);
                files.put(region, file); // closed in close()
            }
            return Mapping.of(file.fd, 0, size, Mapping.Protection.READ_WRITE);
        } catch (LinuxException e) {
            throw failure(e);
        }
    }

    /** Another descriptor of a region's file, which the caller owns. */
    synchronized int dup(int region) throws ErrnoException {
        File file = files.get(region);
        if (file == null) {
            throw new ErrnoException(Errno.EINVAL, "region " + region + " has no memory that can be mapped");
        }
        try {
            return file.fd.dup().release();
        } catch (LinuxException e) {
            throw failure(e);
        }
    }

    private ErrnoException failure(LinuxException e) {
        LOG.warn("device {}: no memory for a region: {}", device, e.toString());
        return new ErrnoException(Errno.of(e.errno()), e.toString());
    }

    /** The memory is given back when the last one who maps it, here or in the user's process, has let go. */
    @Override
    public synchronized void close() {
        closed = true;
        files.values().forEach(file -> file.fd.close());
        files.clear();
    }
}
