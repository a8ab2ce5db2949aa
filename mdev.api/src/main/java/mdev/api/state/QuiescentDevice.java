package mdev.api.state;

import mdev.api.errno.ErrnoException;
import mdev.api.vfio.MigrationState;
import mdev.api.vfio.VfioContext;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Implemented by a device that can stay away from its user's memory while it continues to run, so that it has the
 * migration state {@link MigrationState#RUNNING_P2P} ({@code VFIO_MIGRATION_P2P}). A user whose devices access each
 * other's regions by DMA quiesces all of them before it stops the first, and so no device accesses a stopped one. A
 * driver cannot tell the addresses of those regions from other addresses of the user: it does no DMA at all.
 *
 * <p>Every migration of such a device calls {@link #quiesce}, then the methods of {@link StatefulDevice} in their
 * order, then {@link #unquiesce}: {@link #stop} finds the device quiescent, and after {@link #resume} it still is. An
 * update whose user is not in {@link MigrationState#RUNNING} calls {@link #quiesce} on the new object, after {@code
 * open} and before {@link #restore}; other updates stop the device without these calls. No other call is inside the
 * device meanwhile.
 *
 * <p>Being quiescent is not a part of the state that {@link #save} returns, and only {@link #unquiesce} ends it: not
 * {@link #restore}, {@link #resume} or a {@link mdev.api.vfio.Reset}.
 */
@ConsumerType
public interface QuiescentDevice extends StatefulDevice {
    /**
     * Ends the device's accesses to the user's memory, also to pinned pages and mapped ranges: those under way have
     * been completed when this returns, and no other begins. {@link VfioContext#dmaRead} and {@link
     * VfioContext#dmaWrite} fail with EBUSY from then on. The device answers accesses to its regions, may raise
     * interrupts and may change its state by itself. Work that needs the user's memory waits.
     *
     * @throws ErrnoException the device cannot be quiesced; {@link #unquiesce} follows, and it continues to run
     */
    void quiesce() throws ErrnoException;

    /**
     * Allows the accesses again, and begins with what has waited. Without effect on a device that is not quiescent.
     *
     * @throws ErrnoException the device does not continue: its migration state is {@link MigrationState#ERROR}, until a
     *     reset, which is followed by {@link #resume} and another call of this method
     */
    void unquiesce() throws ErrnoException;
}
