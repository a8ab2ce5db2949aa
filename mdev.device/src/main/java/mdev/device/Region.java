package mdev.device;

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
 * The implementation of a region of a device. {@link RegionDevice} has checked that an access is inside the region,
 * and a write permitted. Any number of threads call at once. Reads and writes are on the access path: they allocate
 * nothing and do not block.
 */
public interface Region {
    /**
     * Reads.
     *
     * @param offset in the region
     * @param data receives the bytes; must not be retained
     * @param dataOffset the index of the first byte in {@code data}
     * @param length in bytes, at least 1
     * @throws ErrnoException the errno that the user gets
     */
    void read(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException;

    /** Writes; parameters and errors as for {@link #read}. */
    void write(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException;

    /** Whether the user can write at all; if not, a write fails with EINVAL. Constant. */
    default boolean writable() {
        return true;
    }

    /** Resets the region to power-on. */
    default void reset() {}

    /**
     * A user has opened the device. Accesses occur only between this and {@link #release()}.
     *
     * @param context the way to the user's memory and interrupts
     * @throws ErrnoException the errno that the user gets; {@link #release()} is called nevertheless
     */
    default void open(VfioContext context) throws ErrnoException {}

    /** The user has closed the device. Also called without {@link #open} if another region's open failed. */
    default void release() {}

    /**
     * Ends the region's accesses to the guest's memory ({@link QuiescentDevice#quiesce}); called only if the device
     * implements that interface, as is the next.
     */
    default void quiesce() throws ErrnoException {}

    /** Continues after {@link #quiesce}, which may have failed. */
    default void unquiesce() throws ErrnoException {}

    /**
     * Stops the region ({@link StatefulDevice#stop}): it does nothing by itself after this returns.
     */
    default void stop() throws ErrnoException {}

    /** Returns the state of the stopped region, without memory of the framework; empty by default. */
    default DeviceState save() throws ErrnoException {
        return DeviceState.version(1);
    }

    /**
     * Restores a state that {@link #save} has returned, perhaps in an older version of the driver. Interrupts are
     * raised in {@link #resume}; {@code mdev.pci} restores those of its sources.
     *
     * @param state has the version of the device's state; empty if {@link #save} returned no fields
     */
    default void restore(DeviceState state) throws ErrnoException {}

    /** Resumes the region after {@link #stop} or {@link #restore}. */
    default void resume() throws ErrnoException {}

    /**
     * Doorbells: registers, such as a queue's tail, that the user may write by signalling an eventfd. A signal is a
     * {@link #write} of the value, or of 0 if any value rings, on a thread of the device, so the region handles both
     * alike. Several signals may become one write. Only outside {@link #mappable()}, in PCI only in a memory BAR and
     * outside the MSI-X structures; constant.
     */
    default List<IoEvent> ioEvents() {
        return List.of();
    }

    /** The parts that the user can map: page aligned, ascending, without overlap. */
    default List<Area> mappable() {
        return List.of();
    }
}
