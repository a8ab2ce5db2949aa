package mdev.api;

import java.time.Duration;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The one door into the vendor's object of a device. Every call of that object runs inside: region accesses and ioctls of
 * its user between {@link #enter} and {@link #leave}, other calls on behalf of its user in {@link #callOccupied}, the calls of the
 * core (attributes, create, remove) behind the same gate. So one question, whether the slot is quiet, tells whether the device
 * may be bound, opened, removed or updated.
 *
 * <p>The slot is <em>occupied</em> from before the vendor's {@code open} to after its {@code release}. It is quiet when it is not
 * occupied and no call is inside. While a slot is frozen, for an update of the vendor, callers wait in front of it until it is
 * thawed or the deadline of the freeze has passed. Any thread may call.
 */
@ProviderType
public interface Slot {
    /** A call of the vendor's object. */
    @FunctionalInterface
    interface Call<T extends @Nullable Object> {
        T call(DeviceOps ops) throws ErrnoException;
    }

    /**
     * Enters for one access or ioctl of the user that occupies the slot; pairs with {@link #leave}. The caller looks inside
     * whether that user has the device still. Takes no lock and allocates nothing.
     *
     * @throws ErrnoException EAGAIN: the slot stayed frozen until the deadline of the freeze
     */
    void enter() throws ErrnoException;

    /** Leaves; pairs with {@link #enter}, on the same thread. */
    void leave();

    /**
     * The vendor's object. Valid inside the slot only, and never kept: it is another one after an update of the vendor.
     *
     * @throws IllegalStateException inside the vendor's {@code create}, which has not returned it yet
     */
    DeviceOps ops();

    /**
     * Runs a call inside the slot on behalf of the user that occupies it, with its name and thread on record. It is let in
     * until the release has ended, even while the device is being removed.
     *
     * @param name of the call for the log: a verb and its object
     * @throws ErrnoException ENODEV: the slot is not occupied; EAGAIN as for {@link #enter}; else as {@link #failed} says
     */
    <T extends @Nullable Object> T callOccupied(String name, Call<T> call) throws ErrnoException;

    /**
     * What a caller gets for what the vendor threw: an {@link ErrnoException} as it is; for anything else EIO, and a line of the
     * log names the vendor, the device and the call. The log takes a bounded number of such lines.
     */
    ErrnoException failed(String call, Throwable thrown);

    /**
     * Occupies the slot for a user, before the vendor's {@code open}; pairs with {@link #vacate}.
     *
     * @param timeout how long to wait for the release of the user before
     * @throws ErrnoException EBUSY: the slot stayed occupied; ENODEV: the device is being removed; EAGAIN: it stayed frozen;
     *     EINTR: interrupted
     */
    void occupy(Duration timeout) throws ErrnoException;

    /**
     * Ends the occupation, once. {@code release} runs as soon as no access is inside and the slot is not frozen: on this
     * thread, on the thread that leaves last, or on the one that thaws. When it has returned or thrown, the slot is vacant.
     */
    void vacate(Runnable release);

    /** Waits until the slot is vacant; false when the time was over first. */
    boolean awaitVacant(Duration timeout);

    /** The vendor's bundle and the device, for the log. */
    String vendor();
}
