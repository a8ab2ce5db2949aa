package vfio.user.conformance;

import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;

/** The failure of one call of a driver, once. */
final class PlannedFault {
    /** The calls of an update. */
    enum Call {
        STOP,
        SAVE,
        CREATE,
        OPEN,
        RESTORE,
        RESUME;

        /** The calls of the new version. */
        static final List<Call> OF_THE_NEXT = List.of(CREATE, OPEN, RESTORE, RESUME);
    }

    /** How a call fails. */
    enum Kind {
        ERRNO,
        EXCEPTION,
        /** It returns late, as if nothing had happened. */
        HANG
    }

    /** The victim of no failure. */
    private static final UUID NOBODY = new UUID(-1, -1);

    private final Kind kind;
    private final Call call;
    private final UUID victim;
    private final AtomicBoolean hit = new AtomicBoolean();
    private final CountDownLatch leave = new CountDownLatch(1);

    PlannedFault(Kind kind, Call call, UUID victim) {
        this.kind = kind;
        this.call = call;
        this.victim = victim;
    }

    static PlannedFault none() {
        return new PlannedFault(Kind.ERRNO, Call.STOP, NOBODY);
    }

    /**
     * Called by the driver in each call.
     *
     * @return whether the call has hung: the device may run with another object now
     */
    boolean pass(Call now, UUID device) throws ErrnoException {
        if (now != call || !device.equals(victim) || !hit.compareAndSet(false, true)) {
            return false;
        }
        switch (kind) {
            case HANG -> Dma.await(leave);
            case EXCEPTION -> throw new IllegalStateException("planned");
            case ERRNO -> throw new ErrnoException(Errno.EINVAL, "planned");
        }
        return true;
    }

    UUID victim() {
        return victim;
    }

    /** Whether it is a call of the old version. */
    boolean isOfTheOld() {
        return !Call.OF_THE_NEXT.contains(call);
    }

    /** @param open whether the victim was open when it was saved; null if it was not saved */
    boolean strikes(@Nullable Boolean open) {
        return switch (call) {
            case STOP, SAVE -> false; // of the old version
            case CREATE, RESTORE, RESUME -> open != null;
            case OPEN -> Boolean.TRUE.equals(open);
        };
    }

    boolean isHit() {
        return hit.get();
    }

    boolean hangs() {
        return kind == Kind.HANG;
    }

    /** Lets the call return that hangs. */
    void leave() {
        leave.countDown();
    }

    @Override
    public String toString() {
        return kind + " in " + call + " of " + victim;
    }
}
