package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.QuiescentDevice;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.VfioContext;

/**
 * The implementation of a region of a device. {@link PciDevice} has checked that an access is inside the region. Any
 * number of threads call at once. Reads and writes are on the access path: they allocate nothing and do not block.
 */
public interface Region {
    /**
     * Reads.
     *
     * @param offset in the region
     * @param data receives the bytes; must not be retained
     * @param dataOffset the index of the first byte in {@code data}
     * @param length in bytes, at least 1
     */
    void read(long offset, MemorySegment data, long dataOffset, int length);

    /** Writes; parameters as for {@link #read}. */
    void write(long offset, MemorySegment data, long dataOffset, int length);

    /** Resets the region to power-on. */
    default void reset() {}

    /**
     * A user has opened the device. Accesses occur only between this and {@link #release()}.
     *
     * @param context the way to the user's memory and interrupts; an access to memory fails with EACCES while Bus
     *     Master Enable is clear
     * @throws ErrnoException the errno that the user gets; {@link #release()} is called nevertheless
     */
    default void open(VfioContext context) throws ErrnoException {}

    /** The user has closed the device. Also called without {@link #open} if another region's open failed. */
    default void release() {}

    /**
     * The guest has set or cleared Bus Master Enable, or a reset has cleared it. Once it is clear, the accesses to the
     * guest's memory through the {@link VfioContext} have ended, and further ones fail with EACCES. The vendor must not
     * access that memory directly (a pinned page, a mapped range) after this method has returned.
     */
    default void busMaster(boolean enabled) {}

    /**
     * Ends the region's accesses to the guest's memory ({@link QuiescentDevice#quiesce}); called only if the device
     * implements that interface, as is the next.
     */
    default void quiesce() throws ErrnoException {}

    /** Continues after {@link #quiesce}, which may have failed. */
    default void unquiesce() throws ErrnoException {}

    /**
     * Stops the region ({@link StatefulDevice#stop}): it does nothing by itself after this returns. The toolkit then
     * blocks its interrupts.
     */
    default void stop() throws ErrnoException {}

    /** Returns the state of the stopped region, without memory of the framework; empty by default. */
    default DeviceState save() throws ErrnoException {
        return DeviceState.version(1);
    }

    /**
     * Restores a state that {@link #save} has returned, perhaps in an older version of the driver. The toolkit restores
     * the levels of interrupt sources.
     *
     * @param state has the version of the device's state; empty if {@link #save} returned no fields
     */
    default void restore(DeviceState state) throws ErrnoException {}

    /** Resumes the region after {@link #stop} or {@link #restore}. */
    default void resume() throws ErrnoException {}

    /**
     * Doorbells: registers, such as a queue's tail, that the user may write by signalling an eventfd. A signal is a
     * {@link #write} of the value, or of 0 if any value rings, on a thread of the device, so the region handles both
     * alike. Several signals may become one write. Only in a memory BAR, outside {@link #mappable()} and the MSI-X
     * structures; constant.
     */
    default List<IoEvent> ioEvents() {
        return List.of();
    }

    /** The parts that the user can map: page aligned, ascending, without overlap. */
    default List<Area> mappable() {
        return List.of();
    }
}
