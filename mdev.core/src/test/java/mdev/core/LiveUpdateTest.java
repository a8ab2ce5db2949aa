package mdev.core;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import mdev.api.LiveUpdate;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.sysfs.SysfsNode;
import mdev.core.slot.ForeignBundle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A vendor's bundle is replaced while its devices exist. */
final class LiveUpdateTest {
    private static final long BUNDLE = 7;
    private static final String PARENT = "/sys/devices/virtual/counter/counter0/";

    private final CountDownLatch never = new CountDownLatch(1);
    private Rig rig = new Rig();

    /** Runs when the bundle is stopped. */
    private Runnable stop = () -> {};

    @AfterEach
    void end() {
        never.countDown();
        rig.close();
    }

    /** Starts a version of the bundle. */
    private void start(TestCounter counter, String version) throws ErrnoException {
        Module module = rig.core.module(new ForeignBundle("vendor.counter", version, BUNDLE));
        stop = module::close;
        Registration registration = module.registerDevice(TestCounter.DEVICE, counter);
        stop = () -> {
            registration.close();
            module.close();
        };
    }

    /** Stops the bundle: its component closes the registration, then the framework releases the registries. */
    private void stop() {
        stop.run();
    }

    private UUID create(String type) throws ErrnoException {
        UUID uuid = UUID.randomUUID();
        rig.write(PARENT + "mdev_supported_types/counter-" + type + "/create", uuid.toString());
        return uuid;
    }

    private static String count(UUID uuid) {
        return Rig.DEVICES + uuid + "/vendor/count";
    }

    private static ErrnoException fails(Errno errno, org.junit.jupiter.api.function.Executable call) {
        ErrnoException thrown = assertThrows(ErrnoException.class, call);
        assertEquals(errno, thrown.errno(), thrown.getMessage());
        return thrown;
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
        start(one, "1.0.0");
        UUID uuid = create("a");
        rig.write(count(uuid), "42");
        rig.write(PARENT + "settings/limit", "7");
        SysfsNode device = rig.sysfs().lookup(Rig.DEVICES + uuid, true);
        SysfsNode type = rig.sysfs().lookup(PARENT + "mdev_supported_types/counter-a", true);
        SysfsNode file = rig.file(count(uuid));
        Rig.await(() -> bound() == 1);
        int events = rig.events().size();

        TestCounter two = new TestCounter("2.0.0");
        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            assertTrue(one.cards.isEmpty());
            stop();
            start(two, "2.0.0");
            assertEquals(List.of(), update.complete());
        }
        UUID next = create("b");
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
        stop();
        assertFalse(rig.exists(PARENT));
        assertTrue(two.cards.isEmpty());
    }

    @Test
    void updateAddsAndRemovesAttributesAndTypes() throws Exception {
        start(new TestCounter("1.0.0", List.of("a", "b"), List.of("old", "count")), "1.0.0");
        UUID uuid = create("a");
        SysfsNode file = rig.file(count(uuid));
        int changes = 1; // the registration

        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            stop();
            start(new TestCounter("2.0.0", List.of("a", "c"), List.of("count", "new")), "2.0.0");
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
        start(new TestCounter("1.0.0"), "1.0.0");
        UUID uuid = create("a");
        CompletableFuture<String> read;
        CompletableFuture<UUID> created;
        TestCounter two = new TestCounter("2.0.0");

        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            read = elsewhere(() -> rig.read(count(uuid)));
            created = elsewhere(() -> create("b"));
            stop();
            two.inRestore = _ -> assertFalse(read.isDone() || created.isDone());
            start(two, "2.0.0");
            update.complete();
        }

        assertEquals("2.0.0 0\n", read.get());
        assertTrue(two.cards.containsKey(created.get().toString()));
    }

    private interface Call<T> {
        T call() throws ErrnoException;
    }

    private static <T> CompletableFuture<T> elsewhere(Call<T> call) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                result.complete(call.call());
            } catch (Throwable t) {
                result.completeExceptionally(t);
            }
        });
        return result;
    }

    private void hang(String ignored) {
        try {
            never.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static TestCounter.Step failing() {
        return uuid -> {
            throw new ErrnoException(Errno.EINVAL, "not this one");
        };
    }

    static Stream<Arguments> oldVersionsThatDoNotStop() {
        return Stream.of(
                arguments("stop fails", Errno.EINVAL, (Fault) (test, old) -> old.inStop = failing()),
                arguments("save fails", Errno.EINVAL, (Fault) (test, old) -> old.inSave = failing()),
                arguments("save throws", Errno.EIO, (Fault) (test, old) -> old.inSave = _ -> {
                    throw new IllegalStateException("broken");
                }),
                arguments("stop hangs", Errno.ETIMEDOUT, (Fault) (test, old) -> old.inStop = test::hang),
                arguments("saveSettings fails", Errno.EINVAL, (Fault) (test, old) -> old.inSaveSettings = failing()),
                arguments(
                        "saveSettings hangs", Errno.ETIMEDOUT, (Fault) (test, old) -> old.inSaveSettings = test::hang));
    }

    /** Makes a version of the vendor fail. */
    @FunctionalInterface
    interface Fault {
        void into(LiveUpdateTest test, TestCounter counter);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("oldVersionsThatDoNotStop")
    void rejectedUpdateChangesNothing(String name, Errno errno, Fault fault) throws Exception {
        rig.close();
        rig = Rig.impatient();
        TestCounter one = new TestCounter("1.0.0");
        start(one, "1.0.0");
        UUID first = create("a");
        UUID second = create("b");
        rig.write(count(first), "1");
        rig.write(count(second), "2");
        fault.into(this, one);

        fails(errno, () -> rig.core.update(BUNDLE));

        never.countDown();
        assertEquals("1.0.0 1\n", rig.read(count(first)));
        assertEquals("1.0.0 2\n", rig.read(count(second)));
        Rig.await(() -> one.cards.values().stream().allMatch(TestCounter.Card::isRunning));
        one.inStop = _ -> {};
        one.inSave = _ -> {};
        one.inSaveSettings = _ -> {};
        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            stop();
            start(new TestCounter("2.0.0"), "2.0.0");
            update.complete();
        }
        assertEquals("2.0.0 1\n", rig.read(count(first)));
    }

    /** The hang uses up the time of the update, but not that of the resume. */
    @Test
    void stoppedDevicesResumeIfAnotherHangs() throws Exception {
        rig.close();
        rig = Rig.impatient();
        TestCounter one = new TestCounter("1.0.0");
        start(one, "1.0.0");
        for (int i = 0; i < 8; i++) {
            create("a");
        }
        AtomicInteger stops = new AtomicInteger();
        one.inStop = uuid -> {
            if (stops.incrementAndGet() == 8) {
                hang(uuid);
            }
        };

        fails(Errno.ETIMEDOUT, () -> rig.core.update(BUNDLE));

        assertTrue(one.cards.values().stream().allMatch(TestCounter.Card::isRunning));
    }

    static Stream<Arguments> newVersionsThatFail() {
        return Stream.of(
                arguments("create fails", Errno.EINVAL, (Fault) (test, next) -> next.inCreate = failing()),
                arguments("create hangs", Errno.ETIMEDOUT, (Fault) (test, next) -> next.inCreate = test::hang),
                arguments("restore fails", Errno.EINVAL, (Fault) (test, next) -> next.inRestore = failing()),
                arguments("restore throws", Errno.EIO, (Fault) (test, next) -> next.inRestore = _ -> {
                    throw new IllegalStateException("broken");
                }),
                arguments("restore hangs", Errno.ETIMEDOUT, (Fault) (test, next) -> next.inRestore = test::hang),
                arguments("resume fails", Errno.EINVAL, (Fault) (test, next) -> next.inResume = failing()),
                arguments("remove hangs as well", Errno.EINVAL, (Fault) (test, next) -> {
                    next.inRestore = failing();
                    next.inRemove = test::hang;
                }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("newVersionsThatFail")
    void oldVersionContinuesAfterAFailure(String name, Errno errno, Fault fault) throws Exception {
        rig.close();
        rig = Rig.impatient();
        start(new TestCounter("1.0.0"), "1.0.0");
        UUID first = create("a");
        UUID second = create("b");
        rig.write(count(first), "1");
        rig.write(count(second), "2");
        TestCounter next = new TestCounter("2.0.0");
        fault.into(this, next);
        TestCounter again = new TestCounter("1.0.0");

        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            stop();
            start(next, "2.0.0");
            fails(errno, update::complete);
            stop();
            update.goBack();
            start(again, "1.0.0");
            update.complete();
        }

        assertEquals("1.0.0 1\n", rig.read(count(first)));
        assertEquals("1.0.0 2\n", rig.read(count(second)));
        assertEquals("1.0.0\n", rig.read("/sys/module/counter/version"));
        assertTrue(again.cards.values().stream().allMatch(TestCounter.Card::isRunning));
        TestCounter mended = new TestCounter("3.0.0");
        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            stop();
            start(mended, "3.0.0");
            update.complete();
        }
        assertEquals("3.0.0 1\n", rig.read(count(first)));
        never.countDown();
        Rig.await(() -> next.cards.isEmpty());
        rig.remove(first);
        rig.remove(second);
        assertTrue(mended.cards.isEmpty());
    }

    @Test
    void oldVersionContinuesWithItsSettings() throws Exception {
        start(new TestCounter("1.0.0"), "1.0.0");
        UUID uuid = create("a");
        rig.write(PARENT + "settings/limit", "7");
        TestCounter next = new TestCounter("2.0.0");
        next.inRestoreSettings = failing();

        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            stop();
            fails(Errno.EINVAL, () -> start(next, "2.0.0"));
            fails(Errno.EINVAL, update::complete);
            stop();
            update.goBack();
            start(new TestCounter("1.0.0"), "1.0.0");
            update.complete();
        }

        assertEquals("7\n", rig.read(PARENT + "settings/limit"));
        assertEquals("1.0.0 0\n", rig.read(count(uuid)));
    }

    @Test
    void rejectsAVersionWithoutATypeOrParentInUse() throws Exception {
        rig.close();
        rig = Rig.impatient();
        start(new TestCounter("1.0.0"), "1.0.0");
        create("a");
        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            stop();
            ErrnoException lacking =
                    fails(Errno.EINVAL, () -> start(new TestCounter("2.0.0", List.of("b"), List.of("count")), "2.0.0"));
            assertTrue(lacking.toString().contains("counter-a has devices"), lacking::toString);
            assertEquals(lacking, fails(Errno.EINVAL, update::complete));
            stop();
            update.goBack();
            ErrnoException missing = fails(Errno.ETIMEDOUT, update::complete);
            assertTrue(missing.toString().contains("counter0"), missing::toString);
            update.goBack();
            start(new TestCounter("1.0.0"), "1.0.0");
            update.complete();
        }
    }

    @Test
    void devicesWithoutStateAreKeptUnlessTheyAreInUse() throws Exception {
        TestVfio vfio = rig.loadVfio();
        TestMtty mtty = new TestMtty();
        rig.load(mtty);
        UUID uuid = rig.create("mtty-1");
        vfio.user = Optional.of("qemu");

        ErrnoException used = fails(Errno.EBUSY, () -> rig.core.update(2));
        assertTrue(used.toString().contains(uuid + " by qemu"), used::toString);
        assertEquals(0, mtty.removed.get());

        vfio.user = Optional.empty();
        TestMtty two = new TestMtty();
        try (LiveUpdate update = rig.core.update(2)) {
            rig.vendor.close();
            rig.core.module(new ForeignBundle("vendor.mtty", "2.0.0", 2)).registerDevice(TestMtty.DEVICE, two);
            update.complete();
        }
        assertEquals(1, two.created.get());
        assertTrue(mtty.balanced());
    }

    @Test
    void updateThatFailsBothWaysRemovesTheDevices() throws Exception {
        start(new TestCounter("1.0.0"), "1.0.0");
        UUID uuid = create("a");
        List<CompletableFuture<String>> reads;
        try (LiveUpdate _ = rig.core.update(BUNDLE)) {
            reads = Stream.generate(() -> elsewhere(() -> rig.read(count(uuid))))
                    .limit(50)
                    .toList();
            stop();
        }
        for (CompletableFuture<String> read : reads) {
            assertThrows(Exception.class, read::get);
        }
        assertFalse(rig.exists(Rig.DEVICES + uuid));
        assertFalse(rig.exists(PARENT));
        start(new TestCounter("1.0.0"), "1.0.0");
        assertTrue(rig.exists(PARENT));
    }

    @Test
    void coreCanBeClosedDuringAnUpdate() throws Exception {
        start(new TestCounter("1.0.0"), "1.0.0");
        create("a");
        LiveUpdate update = rig.core.update(BUNDLE);
        rig.core.close();
        assertFalse(rig.exists(PARENT));
        update.close();
    }

    @Test
    void deviceCanBeSavedWithoutAnUpdate() throws Exception {
        TestCounter counter = new TestCounter("1.0.0");
        start(counter, "1.0.0");
        UUID uuid = create("a");
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
        start(new TestCounter("1.0.0"), "1.0.0");
        fails(Errno.EOPNOTSUPP, () -> rig.core.update(99));
        try (LiveUpdate update = rig.core.update(BUNDLE)) {
            fails(Errno.EBUSY, () -> rig.core.update(BUNDLE));
            assertTrue(update.remaining().compareTo(Duration.ZERO) > 0);
            stop();
            start(new TestCounter("2.0.0"), "2.0.0");
            update.complete();
        }
        rig.loadVfio();
        fails(Errno.EOPNOTSUPP, () -> rig.core.update(3));
    }
}
