package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReadWriteLock;
import mdev.api.LiveUpdate;
import mdev.api.ParentDevice;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.slot.ForeignBundle;
import org.jspecify.annotations.Nullable;
import vfio.mdev.CorePlatform;

/** The bundle of a {@link TallyDriver}, as the framework starts and stops it; updated by one thread. */
final class TallyBundle {
    /** Of an update in which a call hangs. */
    private static final Duration SHORT = Duration.ofMillis(800);

    /** Each hang takes its whole time. */
    private static final int HANG_EACH = 100;

    private final CorePlatform platform;
    private final String name;
    private final long id;
    private final Queue<String> violations;

    /** Held for writing while the limits are short, and for reading while an update of another bundle begins. */
    private final ReadWriteLock limits;

    private Runnable stop = () -> {};
    private TallyDriver running;
    private final List<TallyDriver> versions = new ArrayList<>();
    private int round;
    final AtomicInteger replaced = new AtomicInteger();
    final AtomicInteger rolledBack = new AtomicInteger();
    final AtomicInteger rejected = new AtomicInteger();

    /** Counts the beginnings and ends of updates in which a call hangs. */
    private final AtomicInteger hangs = new AtomicInteger();

    /** Set before the core is closed, from when on every call may fail. */
    volatile boolean unloading;

    TallyBundle(CorePlatform platform, int number, Queue<String> violations, ReadWriteLock limits)
            throws ErrnoException {
        this.platform = platform;
        this.name = "tally" + number;
        this.id = 100L + number;
        this.violations = violations;
        this.limits = limits;
        this.running = start(driver("1.0.0", PlannedFault.none()));
    }

    String createFile() {
        return "/sys/devices/virtual/tally/" + name + "/mdev_supported_types/tally-" + TallyDriver.TYPE + "/create";
    }

    private TallyDriver driver(String version, PlannedFault fault) {
        TallyDriver driver = new TallyDriver(version, List.of(TallyDriver.TYPE), violations, fault);
        versions.add(driver);
        return driver;
    }

    private TallyDriver start(TallyDriver driver) throws ErrnoException {
        mdev.core.Module module = platform.core.module(new ForeignBundle("vendor." + name, driver.version(), id));
        stop = module::close;
        Registration registration = module.registerDevice(new ParentDevice("tally", name), driver);
        stop = () -> {
            registration.close();
            module.close();
        };
        return driver;
    }

    void stop() {
        stop.run();
    }

    /** Whether callers may have been rejected since then, because a call hangs in an update. */
    boolean hasHung(int since) {
        int now = hangs.get();
        return now != since || now % 2 != 0;
    }

    int hangs() {
        return hangs.get();
    }

    /** The objects of all versions that the core has not removed. */
    List<TallyDriver.Tally> objects() {
        return versions.stream()
                .flatMap(version -> version.devices.values().stream())
                .toList();
    }

    @Override
    public String toString() {
        return name + ": " + replaced + " updates, " + rolledBack + " went back, " + rejected + " did not begin";
    }

    /** Updates the bundle, or fails to. */
    void update(Random random) throws Exception {
        boolean hangs = round++ % HANG_EACH == 3;
        PlannedFault fault = plan(random, hangs);
        if (fault.hangs()) {
            this.hangs.incrementAndGet();
        }
        LiveUpdate begun = begin(fault);
        if (begun == null) {
            leave(fault, random.nextBoolean());
        } else {
            try (LiveUpdate update = begun) {
                complete(update, fault, random);
            }
        }
        if (fault.hangs()) {
            this.hangs.incrementAndGet();
        }
    }

    /** A random failure of a random device. */
    private PlannedFault plan(Random random, boolean hangs) {
        List<UUID> devices = List.copyOf(running.devices.keySet());
        if (devices.isEmpty() || (!hangs && random.nextInt(2) == 0)) {
            return PlannedFault.none();
        }
        UUID victim = devices.get(random.nextInt(devices.size()));
        PlannedFault.Call[] calls = PlannedFault.Call.values();
        PlannedFault.Kind kind = hangs
                ? PlannedFault.Kind.HANG
                : random.nextBoolean() ? PlannedFault.Kind.ERRNO : PlannedFault.Kind.EXCEPTION;
        return new PlannedFault(kind, calls[random.nextInt(calls.length)], victim);
    }

    /** Returns null if the old version continues. */
    private @Nullable LiveUpdate begin(PlannedFault fault) throws ErrnoException {
        TallyDriver old = running;
        old.saved.clear(); // by an update that did not begin
        old.fault = fault.isOfTheOld() ? fault : PlannedFault.none();
        var lock = fault.hangs() ? limits.writeLock() : limits.readLock();
        lock.lock();
        try {
            if (fault.hangs()) {
                platform.core.limit(CorePlatform.limits(SHORT));
            }
            return platform.core.update(id, Set.of());
        } catch (ErrnoException e) {
            assertTrue(isExpected(fault, e), () -> fault + ": " + e);
            rejected.incrementAndGet();
            return null;
        } finally {
            platform.core.limit(CorePlatform.PATIENT);
            lock.unlock();
            old.fault = PlannedFault.none();
        }
    }

    /**
     * Lets the call of the old version that hangs return.
     *
     * @param late after users have been rejected
     */
    private void leave(PlannedFault fault, boolean late) {
        if (late && fault.hangs() && fault.isHit()) {
            Rig.await("a rejected user", true, () -> unloading || !admits(fault.victim()));
        }
        fault.leave();
        Rig.await("the device is resumed", true, () -> unloading || admits(fault.victim()));
    }

    private boolean admits(UUID device) {
        try {
            platform.read(CorePlatform.DEVICES + device + "/tally/sum");
            return true;
        } catch (ErrnoException e) {
            return e.errno() != Errno.EAGAIN;
        }
    }

    private boolean isExpected(PlannedFault fault, ErrnoException e) {
        return unloading || fault.isHit() || isLate(fault, e);
    }

    /** A short limit may be too short for a busy machine. */
    private static boolean isLate(PlannedFault fault, ErrnoException e) {
        return fault.hangs() && (e.errno() == Errno.ETIMEDOUT || e.errno() == Errno.EBUSY);
    }

    private void complete(LiveUpdate update, PlannedFault fault, Random random) throws Exception {
        TallyDriver old = running;
        stop();
        boolean armed = fault.strikes(old.saved.get(fault.victim()));
        TallyDriver next = driver((round + 1) + ".0.0", armed ? fault : PlannedFault.none());
        try {
            start(next);
            assertEquals(List.of(), update.complete());
            assertFalse(armed, fault::toString);
            running = next;
            replaced.incrementAndGet();
        } catch (ErrnoException e) {
            assertTrue(isExpected(fault, e), () -> fault + ": " + e);
            if (unloading) {
                fault.leave();
                return;
            }
            goBack(update, old.version(), fault, random.nextInt(3));
            rolledBack.incrementAndGet();
        }
        fault.leave();
        if (unloading) {
            return;
        }
        Rig.await("objects of other versions", List.of(running), () -> {
            versions.removeIf(version -> !version.equals(running) && version.devices.isEmpty());
            return List.copyOf(versions);
        });
    }

    /** @param when the call that hangs returns: before, during or after it */
    private void goBack(LiveUpdate update, String version, PlannedFault fault, int when) throws Exception {
        for (int attempt = 0; ; attempt++) {
            stop();
            if (when == 0) {
                fault.leave();
            }
            update.goBack();
            try {
                running = start(driver(version, PlannedFault.none()));
                if (when == 1) {
                    fault.leave();
                }
                assertEquals(List.of(), update.complete());
                return;
            } catch (ErrnoException e) {
                if (unloading) {
                    return;
                }
                assertTrue(isLate(fault, e) && attempt < 100, () -> fault + ", going back: " + e);
            }
        }
    }
}
