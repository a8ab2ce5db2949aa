package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.IoEvent;
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
     * @param context the user as a function on the bus reaches it: memory only while Bus Master Enable is set, else
     *     EACCES
     * @throws ErrnoException the errno that the user gets; {@link #release()} follows all the same
     */
    default void open(VfioContext context) throws ErrnoException {}

    /** The user is gone. Also called where {@link #open} was not, after another region refused. */
    default void release() {}

    /**
     * The guest has set or cleared Bus Master Enable, or a reset has cleared it. The accesses to the guest's memory
     * that were made through the {@link VfioContext} have ended when it is cleared, and further ones are refused with
     * EACCES; what reaches that memory directly (a pinned page, a mapped range) is not to be touched any more when this
     * returns.
     */
    default void busMaster(boolean enabled) {}

    /**
     * The device is stopped ({@link StatefulDevice#stop}): when this returns, the region does nothing by itself. The
     * toolkit then lets no interrupt pass.
     */
    default void stop() throws ErrnoException {}

    /** The state of the stopped region, but for memory of the framework; none by default. */
    default DeviceState save() throws ErrnoException {
        return DeviceState.version(1);
    }

    /**
     * Sets the state that {@link #save} has returned, perhaps of an older version of the driver. The levels of
     * interrupt sources need not be set: the toolkit restores them.
     *
     * @param state with the version of the device's state; without fields if there were none
     */
    default void restore(DeviceState state) throws ErrnoException {}

    /** The device continues, after {@link #stop} or {@link #restore}. */
    default void resume() throws ErrnoException {}

    /**
     * Doorbells: writes for which the user may signal an eventfd instead, such as of a queue's tail. A signal becomes a
     * {@link #write} of the value, or of 0 if any value rings, on a thread of the device's own, so the region need not
     * tell the two apart. Several signals may become one write. Only in a memory BAR, outside of {@link #mappable()}
     * and of the MSI-X structures; constant.
     */
    default List<IoEvent> ioEvents() {
        return List.of();
    }

    /** The parts that the user can map: page aligned, in order, without overlap. */
    default List<Area> mappable() {
        return List.of();
    }
}
