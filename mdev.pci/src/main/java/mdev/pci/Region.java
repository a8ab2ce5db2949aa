package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.VfioContext;

/**
 * What answers in a region of a device. The place is inside the region: {@link PciDevice} has checked it. Calls come
 * from any number of threads at once; they take part in the access path, so they allocate nothing and do not block.
 */
public interface Region {
    /**
     * Reads.
     *
     * @param offset in the region
     * @param data where to put the bytes; not to be kept
     * @param dataOffset the place of the first byte in {@code data}
     * @param length how many bytes, at least 1
     */
    void read(long offset, MemorySegment data, long dataOffset, int length);

    /** Writes; parameters as for {@link #read}. */
    void write(long offset, MemorySegment data, long dataOffset, int length);

    /** Back to the state after power-on. */
    default void reset() {}

    /**
     * A user is there; accesses come only between this and {@link #release()}.
     *
     * @throws ErrnoException the errno that the user gets; {@link #release()} follows all the same
     */
    default void open(VfioContext context) throws ErrnoException {}

    /** The user is gone. Also called where {@link #open} was not, after another region refused. */
    default void release() {}

    /** The parts that the user can map: page aligned, in order, without overlap. */
    default List<Area> mappable() {
        return List.of();
    }
}
