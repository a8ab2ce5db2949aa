package mdev.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.LiveUpdate;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.core.slot.ForeignBundle;
import mdev.core.slot.VendorSlot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A device that its user has stopped for a migration: neither an update nor a snapshot stops or resumes it. */
final class StoppedDeviceTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    private final Rig rig = new Rig();
    private final TestCounter one = new TestCounter("1.0.0");
    private final AtomicBoolean stopped = new AtomicBoolean(true);
    private Runnable unload = () -> {};
    private UUID uuid = new UUID(0, 0);

    private final class User implements Slot.Occupant {
        @Override
        public void parked() {}

        @Override
        public void reopen(DeviceOps ops) {}

        @Override
        public boolean isStopped() {
            return stopped.get();
        }
    }

    @BeforeEach
    void open() throws ErrnoException {
        load(one);
        uuid = UUID.randomUUID();
        rig.write("/sys/devices/virtual/counter/counter0/mdev_supported_types/counter-a/create", uuid.toString());
        slot().occupy(LONG);
        slot().callOccupied("open", _ -> {
            slot().opened(new User());
            return uuid;
        });
        card(one).stop();
        one.inStop = _ -> {
            throw new ErrnoException(Errno.EINVAL, "stopped already");
        };
    }

    @AfterEach
    void close() {
        slot().vacate(() -> {});
        rig.close();
    }

    private void load(TestCounter counter) throws ErrnoException {
        Module module = rig.core.module(new ForeignBundle("vendor.counter", "1.0.0", 7));
        var registration = module.registerDevice(TestCounter.DEVICE, counter);
        unload = () -> {
            registration.close();
            module.close();
        };
    }

    private VendorSlot slot() {
        return rig.device(uuid).slot();
    }

    private TestCounter.Card card(TestCounter version) {
        return Objects.requireNonNull(version.cards.get(uuid.toString()));
    }

    @Test
    void updateLeavesItStopped() throws Exception {
        TestCounter two = new TestCounter("2.0.0");
        try (LiveUpdate update = rig.core.update(7, Set.of())) {
            unload.run();
            load(two);
            update.complete();
        }
        assertFalse(card(two).isRunning());
    }

    @Test
    void updateThatGoesBackLeavesItStopped() throws Exception {
        TestCounter back = new TestCounter("1.0.0");
        try (LiveUpdate update = rig.core.update(7, Set.of())) {
            unload.run();
            update.goBack();
            load(back);
            update.complete();
        }
        assertFalse(card(back).isRunning());
    }

    @Test
    void updateThatCannotBeginLeavesItStopped() {
        one.inSave = _ -> {
            throw new ErrnoException(Errno.ENOSPC);
        };
        assertEquals(
                Errno.ENOSPC,
                assertThrows(ErrnoException.class, () -> rig.core.update(7, Set.of()))
                        .errno());
        assertFalse(card(one).isRunning());
    }

    @Test
    void snapshotLeavesItStopped() throws Exception {
        rig.write("/sys/devices/virtual/counter/counter0/" + uuid + "/vendor/count", "42");
        assertEquals(42, new Snapshot(rig.core).of(rig.device(uuid)).number("count"));
        assertFalse(card(one).isRunning());
        one.inStop = _ -> {};
        stopped.set(false);
        assertEquals(42, new Snapshot(rig.core).of(rig.device(uuid)).number("count"));
        assertTrue(card(one).isRunning());
    }
}
