package mdev.core;

import static mdev.core.UpdateRig.PARENT;
import static mdev.core.UpdateRig.count;
import static mdev.core.UpdateRig.elsewhere;
import static mdev.core.UpdateRig.failing;
import static mdev.core.UpdateRig.fails;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import mdev.api.LiveUpdate;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.sysfs.SysfsNode;
import mdev.core.slot.ForeignBundle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A vendor's bundle is replaced while its devices exist. */
final class LiveUpdateTest {
    private final UpdateRig rig = new UpdateRig();

    @AfterEach
    void end() {
        rig.close();
    }

    private long bound() {
        return rig.events().stream()
                .filter(event -> event.action().equals("bind"))
                .count();
    }

    @Test
    void updateReplacesOnlyTheVendor() throws Exception {
        rig.loadVfio();
        TestCounter one = new TestCounter("1.0.0");
        rig.start(one, "1.0.0");
        UUID uuid = rig.createCounter("a");
        rig.write(count(uuid), "42");
        rig.write(PARENT + "settings/limit", "7");
        SysfsNode device = rig.sysfs().lookup(Rig.DEVICES + uuid, true);
        SysfsNode type = rig.sysfs().lookup(PARENT + "mdev_supported_types/counter-a", true);
        SysfsNode file = rig.file(count(uuid));
        Rig.await(() -> bound() == 1);
        int events = rig.events().size();

        TestCounter two = new TestCounter("2.0.0");
        try (LiveUpdate update = rig.update()) {
            assertTrue(one.cards.isEmpty());
            rig.stop();
            rig.start(two, "2.0.0");
            assertEquals(List.of(), update.complete());
        }
        UUID next = rig.createCounter("b");
        Rig.await(() -> bound() == 2);

        assertAll(
                () -> assertEquals("2.0.0 42\n", rig.read(count(uuid))),
                () -> assertEquals("7\n", rig.read(PARENT + "settings/limit")),
                () -> assertEquals(device, rig.sysfs().lookup(Rig.DEVICES + uuid, true)),
                () -> assertEquals(type, rig.sysfs().lookup(PARENT + "mdev_supported_types/counter-a", true)),
                () -> assertEquals(file, rig.file(count(uuid))),
                () -> assertTrue(rig.exists(Rig.DEVICES + uuid + "/driver")),
                () -> assertEquals("2.0.0\n", rig.read("/sys/module/counter/version")),
                () -> assertEquals(
                        "6\n", rig.read(PARENT + "mdev_supported_types/counter-a/available_instances"), "instances"),
                () -> assertTrue(rig.events().get(events).devpath().endsWith(next.toString()), "no event before it"),
                () -> assertTrue(two.cards.values().stream().allMatch(TestCounter.Card::isRunning)));
        rig.remove(uuid);
        rig.remove(next);
        rig.stop();
        assertFalse(rig.exists(PARENT));
        assertTrue(two.cards.isEmpty());
    }

    @Test
    void updateAddsAndRemovesAttributesAndTypes() throws Exception {
        rig.start(new TestCounter("1.0.0", List.of("a", "b"), List.of("old", "count")), "1.0.0");
        UUID uuid = rig.createCounter("a");
        SysfsNode file = rig.file(count(uuid));
        int changes = 1; // the registration

        try (LiveUpdate update = rig.update()) {
            rig.stop();
            rig.start(new TestCounter("2.0.0", List.of("a", "c"), List.of("count", "new")), "2.0.0");
            update.complete();
        }

        Rig.await(() -> changed().size() == changes + 2);
        assertAll(
                () -> assertEquals(file, rig.file(count(uuid)), "the file of an attribute that stays"),
                () -> assertEquals("2.0.0 0\n", rig.read(count(uuid))),
                () -> assertTrue(rig.exists(Rig.DEVICES + uuid + "/vendor/new")),
                () -> assertFalse(rig.exists(Rig.DEVICES + uuid + "/vendor/old")),
                () -> assertTrue(rig.exists(PARENT + "mdev_supported_types/counter-c/create")),
                () -> assertFalse(rig.exists(PARENT + "mdev_supported_types/counter-b")),
                () -> assertEquals(
                        List.of(
                                "change /devices/virtual/counter/counter0",
                                "change " + rig.device(uuid).path().substring(4)),
                        changed().stream().skip(changes).toList()));
    }

    private List<String> changed() {
        return rig.events().stream()
                .filter(event -> event.action().equals("change"))
                .map(event -> event.action() + " " + event.devpath())
                .toList();
    }

    @Test
    void callsWaitForTheNewVersion() throws Exception {
        rig.start(new TestCounter("1.0.0"), "1.0.0");
        UUID uuid = rig.createCounter("a");
        CompletableFuture<String> read;
        CompletableFuture<UUID> created;
        TestCounter two = new TestCounter("2.0.0");

        try (LiveUpdate update = rig.update()) {
            read = elsewhere(() -> rig.read(count(uuid)));
            created = elsewhere(() -> rig.createCounter("b"));
            rig.stop();
            two.inRestore = _ -> assertFalse(read.isDone() || created.isDone());
            rig.start(two, "2.0.0");
            update.complete();
        }

        assertEquals("2.0.0 0\n", read.get());
        assertTrue(two.cards.containsKey(created.get().toString()));
    }

    @Test
    void devicesWithoutStateAreKeptUnlessTheyAreInUse() throws Exception {
        TestVfio vfio = rig.loadVfio();
        TestMtty mtty = new TestMtty();
        rig.load(mtty);
        UUID uuid = rig.create("mtty-1");
        vfio.user = Optional.of("qemu");

        ErrnoException used = fails(Errno.EBUSY, () -> rig.core.update(2, Set.of()));
        assertTrue(used.toString().contains(uuid + " by qemu"), used::toString);
        assertEquals(0, mtty.removed.get());

        vfio.user = Optional.empty();
        TestMtty two = new TestMtty();
        try (LiveUpdate update = rig.core.update(2, Set.of())) {
            rig.vendor.close();
            rig.core.module(new ForeignBundle("vendor.mtty", "2.0.0", 2)).registerDevice(TestMtty.DEVICE, two);
            update.complete();
        }
        assertEquals(1, two.created.get());
        assertTrue(mtty.balanced());
    }

    @Test
    void coreCanBeClosedDuringAnUpdate() throws Exception {
        rig.start(new TestCounter("1.0.0"), "1.0.0");
        rig.createCounter("a");
        LiveUpdate update = rig.update();
        rig.core.close();
        assertFalse(rig.exists(PARENT));
        update.close();
    }

    @Test
    void deviceCanBeSavedWithoutAnUpdate() throws Exception {
        TestCounter counter = new TestCounter("1.0.0");
        rig.start(counter, "1.0.0");
        UUID uuid = rig.createCounter("a");
        rig.write(count(uuid), "42");
        Snapshot snapshot = new Snapshot(rig.core);

        assertEquals(DeviceState.version(1).with("count", 42).with("by", "1.0.0"), snapshot.of(rig.device(uuid)));
        assertTrue(counter.cards.values().stream().allMatch(TestCounter.Card::isRunning));

        counter.inSave = failing();
        fails(Errno.EINVAL, () -> snapshot.of(rig.device(uuid)));
        assertTrue(counter.cards.values().stream().allMatch(TestCounter.Card::isRunning));
        rig.load(new TestMtty());
        UUID other = rig.create("mtty-1");
        fails(Errno.EOPNOTSUPP, () -> snapshot.of(rig.device(other)));
    }

    @Test
    void rejectsAConcurrentUpdate() throws Exception {
        rig.start(new TestCounter("1.0.0"), "1.0.0");
        fails(Errno.EOPNOTSUPP, () -> rig.core.update(99, Set.of()));
        try (LiveUpdate update = rig.update()) {
            fails(Errno.EBUSY, () -> rig.update());
            assertTrue(update.remaining().compareTo(Duration.ZERO) > 0);
            rig.stop();
            rig.start(new TestCounter("2.0.0"), "2.0.0");
            update.complete();
        }
        rig.loadVfio();
        fails(Errno.EOPNOTSUPP, () -> rig.core.update(3, Set.of()));
    }
}
