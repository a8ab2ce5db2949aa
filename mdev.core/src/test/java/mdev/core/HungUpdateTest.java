package mdev.core;

import static mdev.core.UpdateRig.count;
import static mdev.core.UpdateRig.failing;
import static mdev.core.UpdateRig.fails;
import static mdev.core.UpdateRig.untilLongEnough;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import mdev.api.LiveUpdate;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A vendor's call hangs during an update, and returns late. */
final class HungUpdateTest {
    /** A call that returns when it is closed. */
    private static final class Hang implements TestCounter.Step, AutoCloseable {
        private final CountDownLatch reached = new CountDownLatch(1);
        private final CountDownLatch leave = new CountDownLatch(1);

        @Override
        public void run(String uuid) {
            reached.countDown();
            try {
                leave.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** For the nth device that is called. */
        TestCounter.Step inCall(int nth) {
            Set<String> called = Collections.synchronizedSet(new HashSet<>());
            return uuid -> {
                if (called.add(uuid) && called.size() == nth) {
                    run(uuid);
                }
            };
        }

        boolean isReached() {
            return reached.getCount() == 0;
        }

        @Override
        public void close() {
            leave.countDown();
        }
    }

    /** Makes a call of a version hang. */
    @FunctionalInterface
    interface Fault {
        void into(TestCounter counter, TestCounter.Step hang);
    }

    /** An operation that stops a device and resumes it. */
    @FunctionalInterface
    interface Operation {
        void run(UpdateRig rig, UUID device) throws ErrnoException;
    }

    static Stream<Arguments> callsThatStop() {
        Operation update = (rig, _) -> rig.update().close();
        Operation snapshot = (rig, device) -> new Snapshot(rig.core).of(rig.device(device));
        return Stream.of(
                arguments("stop, in an update", update, (Fault) (one, hang) -> one.inStop = hang),
                arguments("save, in an update", update, (Fault) (one, hang) -> one.inSave = hang),
                arguments("stop, in a snapshot", snapshot, (Fault) (one, hang) -> one.inStop = hang),
                arguments("save, in a snapshot", snapshot, (Fault) (one, hang) -> one.inSave = hang));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("callsThatStop")
    void deviceThatStopsLateAdmitsNoAccessBeforeItsResume(String name, Operation operation, Fault fault)
            throws Exception {
        untilLongEnough(rig -> {
            TestCounter one = new TestCounter("1.0.0");
            rig.start(one, "1.0.0");
            UUID device = rig.createCounter("a", 42);
            List<Boolean> inResume = Collections.synchronizedList(new ArrayList<>());
            one.inResume = _ -> inResume.add(admits(rig, device));
            try (Hang hang = new Hang()) {
                fault.into(one, hang);
                fails(Errno.ETIMEDOUT, () -> operation.run(rig, device));
                if (!hang.isReached()) {
                    return false;
                }
                assertFalse(admits(rig, device));
                fails(Errno.EAGAIN, () -> rig.read(count(device)));
                fails(Errno.EBUSY, () -> operation.run(rig, device));
            }
            Rig.await(() -> admits(rig, device));
            assertEquals(List.of(false), inResume);
            assertTrue(card(one, device).isRunning());
            assertContinues(rig, one, device);
            return true;
        });
    }

    /** Whether a region access is admitted, which is not prevented by a shut gate; otherwise it fails with EAGAIN. */
    private static boolean admits(UpdateRig rig, UUID device) {
        var slot = rig.device(device).slot();
        try {
            slot.enter();
            slot.leave();
            return true;
        } catch (ErrnoException e) {
            assertEquals(Errno.EAGAIN, e.errno(), e.toString());
            return false;
        }
    }

    private static TestCounter.Card card(TestCounter version, UUID device) {
        return Objects.requireNonNull(version.cards.get(device.toString()));
    }

    /** The device, whose count is 42, can be updated. */
    private static void assertContinues(UpdateRig rig, TestCounter one, UUID device) throws ErrnoException {
        one.inStop = _ -> {};
        one.inSave = _ -> {};
        one.inSaveSettings = _ -> {};
        rig.core.limit(new Limits(Rig.LONG, Rig.LONG, Rig.LONG));
        assertEquals("1.0.0 42\n", rig.read(count(device)));
        rig.update(new TestCounter("2.0.0"), "2.0.0");
        assertEquals("2.0.0 42\n", rig.read(count(device)));
    }

    /** The hang uses up the time of the update, but not that of the resume. */
    @Test
    void stoppedDevicesResumeIfAnotherHangs() throws Exception {
        untilLongEnough(rig -> {
            TestCounter one = new TestCounter("1.0.0");
            rig.start(one, "1.0.0");
            for (int i = 0; i < 8; i++) {
                rig.createCounter("a");
            }
            try (Hang hang = new Hang()) {
                one.inStop = hang.inCall(8);
                fails(Errno.ETIMEDOUT, rig::update);
                return hang.isReached() && running(one) == 8;
            }
        });
    }

    private static long running(TestCounter version) {
        return version.cards.values().stream()
                .filter(TestCounter.Card::isRunning)
                .count();
    }

    /** An update that cannot begin resumes the devices that it has stopped. */
    @Test
    void otherDevicesResumeIfAResumeHangs() throws Exception {
        untilLongEnough(rig -> {
            TestCounter one = new TestCounter("1.0.0");
            rig.start(one, "1.0.0");
            List<UUID> devices = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                devices.add(rig.createCounter("a", 42));
            }
            AtomicInteger saves = new AtomicInteger();
            one.inSave = uuid -> {
                if (saves.incrementAndGet() == 4) {
                    failing().run(uuid);
                }
            };
            try (Hang hang = new Hang()) {
                one.inResume = hang.inCall(2);
                fails(Errno.EINVAL, rig::update);
                if (!hang.isReached() || running(one) != 3) {
                    return false;
                }
                for (UUID device : devices) {
                    assertEquals(card(one, device).isRunning(), admits(rig, device));
                }
            }
            for (UUID device : devices) {
                Rig.await(() -> admits(rig, device));
                assertTrue(card(one, device).isRunning());
            }
            assertContinues(rig, one, devices.getFirst());
            return true;
        });
    }

    @Test
    void deviceContinuesIfTheSettingsCannotBeSaved() throws Exception {
        untilLongEnough(rig -> {
            TestCounter one = new TestCounter("1.0.0");
            rig.start(one, "1.0.0");
            UUID device = rig.createCounter("a", 42);
            try (Hang hang = new Hang()) {
                one.inSaveSettings = hang;
                fails(Errno.ETIMEDOUT, rig::update);
                if (!hang.isReached()) {
                    return false;
                }
                assertTrue(admits(rig, device));
                assertContinues(rig, one, device);
            }
            return true;
        });
    }

    static Stream<Arguments> newVersionsThatHang() {
        return Stream.of(
                arguments("create", Errno.ETIMEDOUT, (Fault) (next, hang) -> next.inCreate = hang),
                arguments("restore", Errno.ETIMEDOUT, (Fault) (next, hang) -> next.inRestore = hang),
                arguments("resume", Errno.ETIMEDOUT, (Fault) (next, hang) -> next.inResume = hang),
                arguments("remove, after a failure", Errno.EINVAL, (Fault) (next, hang) -> {
                    next.inRestore = failing();
                    next.inRemove = hang;
                }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("newVersionsThatHang")
    void oldVersionContinuesIfTheNewOneHangs(String name, Errno errno, Fault fault) throws Exception {
        untilLongEnough(rig -> {
            rig.start(new TestCounter("1.0.0"), "1.0.0");
            UUID first = rig.createCounter("a", 42);
            UUID second = rig.createCounter("b", 43);
            TestCounter next = new TestCounter("2.0.0");
            TestCounter again = new TestCounter("1.0.0");
            try (Hang hang = new Hang()) {
                fault.into(next, hang);
                if (!goesBack(rig, next, again, errno, hang)) {
                    return false;
                }
                assertEquals("1.0.0 43\n", rig.read(count(second)));
                assertEquals(2, running(again));
                assertContinues(rig, again, first);
            }
            Rig.await(next.cards::isEmpty);
            return true;
        });
    }

    /** Returns false if a limit has passed before the call hangs, or while the old version returns. */
    private static boolean goesBack(UpdateRig rig, TestCounter next, TestCounter again, Errno errno, Hang hang)
            throws ErrnoException {
        try (LiveUpdate update = rig.update()) {
            rig.stop();
            rig.start(next, "2.0.0");
            fails(errno, update::complete);
            rig.stop();
            update.goBack();
            if (!hang.isReached()) {
                return false;
            }
            rig.start(again, "1.0.0");
            update.complete();
            return true;
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ETIMEDOUT) {
                return false;
            }
            throw e;
        }
    }

    @Test
    void parentThatIsMissingIsNamed() throws Exception {
        untilLongEnough(rig -> {
            rig.start(new TestCounter("1.0.0"), "1.0.0");
            UUID device = rig.createCounter("a", 42);
            TestCounter again = new TestCounter("1.0.0");
            try (LiveUpdate update = rig.update()) {
                rig.stop();
                ErrnoException missing = fails(Errno.ETIMEDOUT, update::complete);
                assertTrue(missing.toString().contains("counter0"), missing::toString);
                update.goBack();
                rig.start(again, "1.0.0");
                update.complete();
            } catch (ErrnoException e) {
                assertEquals(Errno.ETIMEDOUT, e.errno(), e.toString());
                return false;
            }
            assertContinues(rig, again, device);
            return true;
        });
    }
}
