package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Mapping;

/** What a vendor sees of its region memories between open and release. */
final class RegionViews implements AutoCloseable {
    private final RegionMemories memories;

    /** The monitor guards both: after the close nothing is mapped that nobody would unmap. */
    private final Map<Integer, Mapping> views = new HashMap<>();

    private boolean closed;

    RegionViews(RegionMemories memories) {
        this.memories = memories;
    }

    synchronized MemorySegment map(int region, long size) throws ErrnoException {
        if (closed) {
            throw new ErrnoException(Errno.ENODEV, "the device is released");
        }
        Mapping view = views.get(region);
        if (view == null || view.segment().byteSize() != size) {
            view = memories.map(region, size); // refuses another size
            views.put(region, view); // closed in close()
        }
        return view.segment();
    }

    /** Takes the views from the vendor: no access is possible any more. */
    @Override
    public synchronized void close() {
        closed = true;
        views.values().forEach(Mapping::close);
        views.clear();
    }
}
