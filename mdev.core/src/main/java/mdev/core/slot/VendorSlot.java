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
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/** The slot of a device: a gate, and a replaceable reference to the vendor's object behind it. */
public final class VendorSlot extends Gate implements Slot {
    private volatile @Nullable DeviceOps ops;

    /** What {@link #vacate} has left to do; published by the flag VACATING. */
    private @Nullable Runnable release;

    /**
     * @param owner the vendor's bundle
     * @param device the UUID of the device
     */
    public VendorSlot(ForeignBundle owner, String device) {
        super(owner, "device", device);
    }

    /** Puts the vendor's object into the slot; null takes it out. */
    public void install(@Nullable DeviceOps now) {
        ops = now;
    }

    @Override
    public void enter() throws ErrnoException {
        enterAccess();
    }

    @Override
    public void leave() {
        leave(ACCESS);
    }

    @Override
    public DeviceOps ops() {
        DeviceOps now = ops;
        if (now == null) {
            throw new IllegalStateException(this + " has no object of its vendor");
        }
        return now;
    }

    @Override
    public <T extends @Nullable Object> T callOccupied(String name, Slot.Call<T> call) throws ErrnoException {
        try (Entry _ = enter(name, OCCUPIED, 0)) {
            return call.call(ops());
        } catch (Throwable t) {
            throw failed(name, t);
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

    private boolean tryOccupy() {
        long now = state();
        while ((now & (OCCUPIED | FROZEN | SHUT)) == 0) {
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
        left(set(VACATING) | VACATING);
    }

    @Override
    public boolean awaitVacant(Duration timeout) {
        return awaitUninterruptibly(Deadline.in(timeout), () -> (state() & OCCUPIED) == 0);
    }

    /** One of those who see that the release is due claims it. */
    @Override
    void left(long seen) {
        long now = seen;
        while ((now & (VACATING | FROZEN | ACCESSES)) == VACATING) {
            now = state();
            if ((now & (VACATING | FROZEN | ACCESSES)) == VACATING && replace(now, (now & ~VACATING) + CALL)) {
                release();
                return;
            }
        }
        super.left(now);
    }

    /** Inside, as a call that was counted by the claim. */
    private void release() {
        Runnable due = Objects.requireNonNull(release, "VACATING is set after it");
        try (Entry _ = record("release")) {
            try {
                due.run();
            } catch (RuntimeException | Error e) {
                var _ = failed("release", e);
            } finally {
                release = null;
                clear(OCCUPIED);
            }
        }
    }

    /**
     * Accesses are counted and have no record, since one costs more than an access. Their threads are found by the frames of the
     * vendor's classes; those that are named after this device (vfio.user's are) come alone, if there are any.
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
