package mdev.core.slot;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/** The slot of a device: a gate with a replaceable reference to the vendor's object. */
public final class VendorSlot extends Gate implements Slot {
    private volatile @Nullable DeviceOps ops;

    private final BoundedCalls calls;

    /** The user that has the vendor's object open; cleared when the slot is vacant. */
    private volatile @Nullable Occupant occupant;

    /** The release that {@link #vacate} has scheduled; published by the flag VACATING. */
    private @Nullable Runnable release;

    /**
     * @param owner the vendor's bundle
     * @param device the UUID of the device
     * @param calls runs a release that would otherwise run on a vendor's thread
     */
    public VendorSlot(ForeignBundle owner, String device, BoundedCalls calls) {
        super(owner, "device", device);
        this.calls = calls;
    }

    /** Sets the vendor's object; null removes it. */
    public void install(@Nullable DeviceOps now) {
        ops = now;
    }

    @Override
    public void enter() throws ErrnoException {
        enterAccess();
    }

    @Override
    public void leave() {
        long now = minus(ACCESS);
        if ((now & (VACATING | WATCHED)) != 0) { // one test: this is the path of each access
            left(now);
        }
    }

    private void left(long now) {
        if ((now & VACATING) != 0 && claimsRelease()) {
            release();
        } else {
            wake(now);
        }
    }

    /** Called for a callback or a rejected enter: the vendor's release may wait for its thread. */
    @Override
    void leave(long unit) {
        long now = minus(unit);
        if (unit == ACCESS && (now & VACATING) != 0) {
            releaseElsewhere();
        }
        wake(now);
    }

    @Override
    public void thaw() {
        super.thaw();
        releaseElsewhere();
    }

    @Override
    public DeviceOps ops() {
        DeviceOps now = ops;
        if (now == null) {
            throw new IllegalStateException(this + " has no vendor object");
        }
        return now;
    }

    @Override
    public <T extends @Nullable Object> T callOccupied(String name, Slot.Call<T> call) throws ErrnoException {
        try (Entry _ = enter(name, ACCESS, OCCUPIED, 0)) {
            return call.call(ops());
        } catch (Throwable t) {
            throw failed(name, t);
        }
    }

    @Override
    public <T extends @Nullable Object> T callAlone(String name, Duration timeout, Slot.Call<T> call)
            throws ErrnoException {
        Deadline deadline = Deadline.in(timeout);
        while (!freeze(deadline)) {
            awaitThaw();
        }
        try {
            if (!awaitEmpty(deadline)) {
                throw new ErrnoException(Errno.EBUSY, this + " has a call inside that does not return: " + inside());
            }
            try (Entry _ = enterAnyway(name)) {
                if ((state() & OCCUPIED) == 0) {
                    throw isRemoved();
                }
                return call.call(ops());
            } catch (Throwable t) {
                throw failed(name, t);
            }
        } finally {
            thaw();
        }
    }

    @Override
    public void occupy(Duration timeout) throws ErrnoException {
        boolean[] occupied = {false};
        try {
            awaitState(Deadline.in(timeout), true, () -> isShut() || (occupied[0] = tryOccupy()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR, "interrupted while " + this + " is being released");
        }
        if (occupied[0]) {
            return;
        }
        if (isShut()) {
            throw isRemoved();
        }
        throw (state() & FROZEN) != 0
                ? isUpdated()
                : new ErrnoException(Errno.EBUSY, this + " has not been released yet; inside: " + inside());
    }

    @Override
    public void opened(Occupant by) {
        occupant = by;
    }

    /** The user that has the vendor's object open. Does not change while the slot is frozen and empty. */
    public @Nullable Occupant occupant() {
        return occupant;
    }

    private boolean tryOccupy() {
        long now = state();
        while ((now & (OCCUPIED | FROZEN | SHUT | ACCESSES)) == 0) {
            if (replace(now, now | OCCUPIED)) {
                return true;
            }
            now = state();
        }
        return false;
    }

    @Override
    public void vacate(Runnable release) {
        this.release = release;
        set(VACATING);
        if (claimsRelease()) {
            release();
        }
    }

    @Override
    public boolean awaitVacant(Duration timeout) {
        return awaitUninterruptibly(Deadline.in(timeout), () -> (state() & OCCUPIED) == 0);
    }

    /** Exactly one of the threads that find the release due claims it: the claim counts as a call inside. */
    private boolean claimsRelease() {
        long now = state();
        while ((now & (VACATING | FROZEN | ACCESSES)) == VACATING) {
            if (replace(now, (now & ~VACATING) + CALL)) {
                return true;
            }
            now = state();
        }
        return false;
    }

    private void releaseElsewhere() {
        if (claimsRelease()) {
            calls.start("release of " + name(), this::release);
        }
    }

    /** Runs inside the slot, as a call that the claim has already counted. */
    private void release() {
        Runnable due = Objects.requireNonNull(release, "VACATING is set after it");
        try (Entry _ = record("release", CALL)) {
            try {
                due.run();
            } catch (RuntimeException | Error e) {
                var _ = failed("release", e);
            } finally {
                release = null;
                occupant = null;
                clear(OCCUPIED);
            }
        }
    }

    /**
     * Accesses are only counted, because a record costs more than an access. Their threads are found by stack frames of
     * the vendor's classes; if any of these threads are named after this device (as vfio.user's are), only those are
     * listed.
     */
    @Override
    Stream<Insider> insiders() {
        DeviceOps now = ops;
        if ((state() & ACCESSES) == 0 || now == null) {
            return super.insiders();
        }
        List<Insider> named = super.insiders().toList();
        String vendor = now.getClass().getPackageName() + ".";
        List<Thread> inVendor = Thread.getAllStackTraces().entrySet().stream()
                .filter(entry -> Arrays.stream(entry.getValue())
                        .anyMatch(frame -> frame.getClassName().startsWith(vendor)))
                .map(Map.Entry::getKey)
                .filter(thread ->
                        named.stream().noneMatch(insider -> insider.thread().equals(thread)))
                .toList();
        List<Thread> serving = inVendor.stream()
                .filter(thread -> thread.getName().contains(name()))
                .toList();
        return Stream.concat(
                named.stream(),
                (serving.isEmpty() ? inVendor : serving)
                        .stream().map(thread -> new Insider("a region access or ioctl", thread)));
    }
}
