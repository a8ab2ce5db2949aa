package mdev.api;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The one door into the vendor's object of a device. Each call of that object runs inside: region accesses between
 * {@link #enter} and {@link #leave}, everything else in {@link #call}. So one question, whether the slot is quiet, tells
 * whether the device may be bound, opened, released, removed or updated.
 *
 * <p>The slot is <em>occupied</em> from the vendor's {@code open} to the end of its {@code release}. A slot is quiet when it
 * is not occupied and no call is inside. While a slot is frozen, callers wait in front of it, until it is thawed or the
 * deadline of the freeze has passed. Any thread may call.
 */
@ProviderType
public interface Slot {
    /** A call of foreign code. */
    @FunctionalInterface
    interface Call<T extends @Nullable Object> {
        T call(DeviceOps ops) throws ErrnoException;
    }

    /**
     * Enters for one access of the user that occupies the slot; pairs with {@link #leave}. Takes no lock and allocates
     * nothing.
     *
     * @throws ErrnoException ENODEV: the device is being removed; EAGAIN: the slot stayed frozen until the deadline of the
     *     freeze
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
     * Runs a call inside the slot, with its name and thread on record for those who wait for it.
     *
     * @param name of the call for the log: a verb and its object
     * @throws ErrnoException as for {@link #enter}; else what the call throws; an unchecked exception is {@link Errno#EIO}
     *     and a line of the log
     */
    <T extends @Nullable Object> T call(String name, Call<T> call) throws ErrnoException;

    /**
     * As {@link #call}, for calls on behalf of the user that occupies the slot: let in until {@link #vacate} has ended, even
     * if the device is being removed.
     */
    <T extends @Nullable Object> T callOccupied(String name, Call<T> call) throws ErrnoException;

    /**
     * Occupies the slot for a user, before the vendor's {@code open}; pairs with {@link #vacate}.
     *
     * @throws ErrnoException EBUSY: the slot is occupied, or a call of an earlier user is still inside; ENODEV: the device is
     *     being removed; EAGAIN: as for {@link #enter}
     */
    void occupy() throws ErrnoException;

    /**
     * Ends the occupation, once. {@code release} runs as soon as no access is inside and the slot is not frozen: on this
     * thread, on the thread that leaves last, or on the one that thaws. When it has returned or thrown, the slot is free.
     */
    void vacate(Runnable release);

    /** Whether the slot is not occupied and no call is inside. */
    boolean isQuiet();
}
