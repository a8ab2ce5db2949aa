package mdev.api;

import java.time.Duration;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The only access to the vendor's object of a device. Every call of that object runs inside the slot: the user's region
 * accesses and ioctls between {@link #enter} and {@link #leave}, other calls on behalf of the user in {@link
 * #callOccupied}, and the core's calls (attributes, create, remove) through the same gate. So a single condition,
 * whether the slot is quiet, decides whether the device may be bound, opened, removed or updated.
 *
 * <p>The slot is <em>occupied</em> from before the vendor's {@code open} to after its {@code release}. It is quiet when
 * it is not occupied and no call is inside. While a slot is frozen for an update of the vendor, callers wait until the
 * slot is thawed or the deadline of the freeze passes. Thread-safe.
 */
@ProviderType
public interface Slot {
    /** A call of the vendor's object. */
    @FunctionalInterface
    interface Call<T extends @Nullable Object> {
        T call(DeviceOps ops) throws ErrnoException;
    }

    /**
     * Enters the slot for one access or ioctl of the user that occupies it; pairs with {@link #leave}. After entering,
     * the caller checks that the user still has the device open. Takes no lock and allocates nothing.
     *
     * @throws ErrnoException EAGAIN: the slot stayed frozen until the deadline of the freeze
     */
    void enter() throws ErrnoException;

    /** Leaves the slot; pairs with {@link #enter}, on the same thread. */
    void leave();

    /**
     * The vendor's object. Valid only inside the slot; callers must not keep it, because an update of the vendor
     * replaces it.
     *
     * @throws IllegalStateException there is none: the vendor's {@code create} has not returned it yet, or the device
     *     has been freed
     */
    DeviceOps ops();

    /**
     * Runs a call inside the slot on behalf of the user that occupies it, and records its name and thread. The slot
     * admits such calls until the release has ended, even while the device is being removed.
     *
     * @param name of the call for the log: a verb and its object
     * @throws ErrnoException ENODEV: the slot is not occupied; EAGAIN as for {@link #enter}; else as {@link #failed}
     *     says
     */
    <T extends @Nullable Object> T callOccupied(String name, Call<T> call) throws ErrnoException;

    /**
     * As {@link #callOccupied}, while no other call is inside: delays the user's accesses and all other calls.
     *
     * @param timeout how long to wait until no other call is inside
     * @throws ErrnoException EBUSY: a call has not returned in time; else as for {@link #callOccupied}
     */
    <T extends @Nullable Object> T callAlone(String name, Duration timeout, Call<T> call) throws ErrnoException;

    /**
     * Translates an exception of the vendor for the caller: an {@link ErrnoException} passes unchanged; anything else
     * becomes EIO, and a log line names the vendor, the device and the call. The number of such lines is bounded.
     */
    ErrnoException failed(String call, Throwable thrown);

    /**
     * Occupies the slot for a user, before the vendor's {@code open}; pairs with {@link #vacate}.
     *
     * @param timeout how long to wait for the previous user's release
     * @throws ErrnoException EBUSY: the slot stayed occupied; ENODEV: the device is being removed; EAGAIN: the slot
     *     stayed frozen; EINTR: interrupted
     */
    void occupy(Duration timeout) throws ErrnoException;

    /** The user's side of an occupied slot while an update replaces the vendor's object. */
    interface Occupant {
        /** The old object has been released: ends its use of the user's context. */
        void parked();

        /**
         * Opens the new object with a context of the same user. If this throws, the object is not open.
         *
         * @throws ErrnoException EINVAL: it lacks an interrupt that the old object had; else the vendor's errno
         */
        void reopen(DeviceOps ops) throws ErrnoException;

        /** Whether the user has stopped the device ({@link mdev.api.vfio.DeviceMigration}): it stays stopped then. */
        default boolean isStopped() {
            return false;
        }
    }

    /** Called inside {@link #callOccupied}, when the vendor's {@code open} has returned. */
    void opened(Occupant occupant);

    /**
     * Ends the occupation, once. {@code release} runs as soon as no access and no {@link #callOccupied} is inside and
     * the slot is not frozen: on this thread, on the thread of the access that leaves last, or on a thread of the
     * framework if the last to leave was another call. Once it has returned or thrown, the slot is vacant.
     */
    void vacate(Runnable release);

    /** Waits until the slot is vacant; returns false on timeout. */
    boolean awaitVacant(Duration timeout);

    /** The vendor's bundle and the device, for the log. */
    String vendor();
}
