package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The migration of an open device: {@code VFIO_DEVICE_FEATURE_MIGRATION}, {@code MIG_DEVICE_STATE} and {@code
 * MIG_DATA_SIZE}, and the file of its data. Thread-safe. Every call fails with ENODEV or EBADF as those of {@link
 * VfioDevice}, and waits while the driver is being updated.
 *
 * <p>In {@link MigrationState#RUNNING_P2P} the device accesses no memory of the user; everything else works as in
 * {@link MigrationState#RUNNING}. In the states other than these two the device is stopped: it accesses no memory
 * either, and raises no interrupt. The user's accesses to its regions fail with EBUSY, except those to the
 * configuration space of a PCI device; they do not reach the driver. Mapped memory remains accessible. The driver's
 * {@link DmaAccess#dmaRead} and {@link DmaAccess#dmaWrite} fail with EBUSY in every state but RUNNING. Closing the
 * device in another state than RUNNING resets it and ends the migration.
 */
@ProviderType
public interface DeviceMigration {
    /** {@code VFIO_MIGRATION_STOP_COPY}. */
    int STOP_COPY = 1;

    /** {@code VFIO_MIGRATION_P2P}. */
    int P2P = 1 << 1;

    /** {@code VFIO_MIGRATION_PRE_COPY}. */
    int PRE_COPY = 1 << 2;

    /**
     * What the device supports: {@link #STOP_COPY}, and {@link #P2P} if its driver implements {@link
     * mdev.api.state.QuiescentDevice}. An update of the driver can change it.
     */
    int flags() throws ErrnoException;

    /** The current state. */
    MigrationState state() throws ErrnoException;

    /**
     * Brings the device to a state, through intermediate states if necessary ({@code vfio_mig_get_next_state()}).
     * {@link Reset} brings it to {@link MigrationState#RUNNING} from any state.
     *
     * @throws ErrnoException EINVAL: no path leads there, or the device lacks the state; the state has not changed.
     *     EBUSY: a call of the driver does not return. Else the driver's errno, EINVAL for a stream that cannot be
     *     read: the device is in a state on the path, or in {@link MigrationState#ERROR} if it could not be restored,
     *     reset, resumed or unquiesced
     */
    void setState(MigrationState state) throws ErrnoException;

    /** The estimated number of bytes to read in {@link MigrationState#STOP_COPY}, in any state. */
    long dataSize() throws ErrnoException;

    /**
     * Reads the stream of the device's state, in {@link MigrationState#STOP_COPY}.
     *
     * @param data the destination
     * @param offset of the first byte in {@code data}
     * @param length the number of bytes
     * @return the bytes read, fewer than {@code length} only at the end of the stream
     * @throws ErrnoException EINVAL: another state
     */
    int read(MemorySegment data, long offset, int length) throws ErrnoException;

    /**
     * Writes to the stream, in {@link MigrationState#RESUMING}. The driver receives the state when the device leaves
     * that state.
     *
     * @throws ErrnoException EINVAL: another state, or not a stream for this device. After the latter, each further
     *     write fails, and leaving the state leads to {@link MigrationState#ERROR}
     */
    void write(MemorySegment data, long offset, int length) throws ErrnoException;
}
