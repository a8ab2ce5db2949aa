package mdev.core;

import static mdev.core.UpdateRig.PARENT;
import static mdev.core.UpdateRig.count;
import static mdev.core.UpdateRig.elsewhere;
import static mdev.core.UpdateRig.failing;
import static mdev.core.UpdateRig.fails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import mdev.api.LiveUpdate;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** An update fails: the old version continues with its devices, or they are removed. */
final class FailedUpdateTest {
    private final UpdateRig rig = new UpdateRig();

    @AfterEach
    void end() {
        rig.close();
    }

    static Stream<Arguments> oldVersionsThatDoNotStop() {
        return Stream.of(
                arguments("stop fails", Errno.EINVAL, (Fault) old -> old.inStop = failing()),
                arguments("save fails", Errno.EINVAL, (Fault) old -> old.inSave = failing()),
                arguments("save throws", Errno.EIO, (Fault) old -> old.inSave = _ -> {
                    throw new IllegalStateException("broken");
                }),
                arguments("saveSettings fails", Errno.EINVAL, (Fault) old -> old.inSaveSettings = failing()));
    }

    /** Makes a version of the vendor fail. */
    @FunctionalInterface
    interface Fault {
        void into(TestCounter counter);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("oldVersionsThatDoNotStop")
    void rejectedUpdateChangesNothing(String name, Errno errno, Fault fault) throws Exception {
        TestCounter one = new TestCounter("1.0.0");
        rig.start(one, "1.0.0");
        UUID first = rig.createCounter("a", 1);
        UUID second = rig.createCounter("b", 2);
        fault.into(one);

        fails(errno, rig::update);

        assertEquals("1.0.0 1\n", rig.read(count(first)));
        assertEquals("1.0.0 2\n", rig.read(count(second)));
        assertTrue(one.cards.values().stream().allMatch(TestCounter.Card::isRunning));
        one.inStop = _ -> {};
        one.inSave = _ -> {};
        one.inSaveSettings = _ -> {};
        rig.update(new TestCounter("2.0.0"), "2.0.0");
        assertEquals("2.0.0 1\n", rig.read(count(first)));
    }

    @Test
    void newVersionThatDoesNotReadTheStateIsRejectedBeforeTheOldIsReleased() throws Exception {
        TestCounter one = new TestCounter("1.0.0");
        rig.start(one, "1.0.0");
        UUID uuid = rig.createCounter("a");
        TestCounter.Card card = one.cards.get(uuid.toString());

        ErrnoException rejected = fails(Errno.EINVAL, () -> rig.update(Set.of(3L, 2L)));

        assertEquals(
                "the state of device " + uuid + " has version 1, and the new version reads only [2, 3]",
                rejected.getMessage());
        assertEquals(card, one.cards.get(uuid.toString()));
        assertTrue(one.cards.values().stream().allMatch(TestCounter.Card::isRunning));
        assertEquals("1.0.0 0\n", rig.read(count(uuid)));
        rig.update(Set.of(1L, 2L)).close();
    }

    static Stream<Arguments> newVersionsThatFail() {
        return Stream.of(
                arguments("create fails", Errno.EINVAL, (Fault) next -> next.inCreate = failing()),
                arguments("restore fails", Errno.EINVAL, (Fault) next -> next.inRestore = failing()),
                arguments("restore throws", Errno.EIO, (Fault) next -> next.inRestore = _ -> {
                    throw new IllegalStateException("broken");
                }),
                arguments("resume fails", Errno.EINVAL, (Fault) next -> next.inResume = failing()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("newVersionsThatFail")
    void oldVersionContinuesAfterAFailure(String name, Errno errno, Fault fault) throws Exception {
        rig.start(new TestCounter("1.0.0"), "1.0.0");
        UUID first = rig.createCounter("a", 1);
        UUID second = rig.createCounter("b", 2);
        TestCounter next = new TestCounter("2.0.0");
        fault.into(next);
        TestCounter again = new TestCounter("1.0.0");

        try (LiveUpdate update = rig.update()) {
            rig.stop();
            rig.start(next, "2.0.0");
            fails(errno, update::complete);
            rig.stop();
            update.goBack();
            rig.start(again, "1.0.0");
            update.complete();
        }

        assertEquals("1.0.0 1\n", rig.read(count(first)));
        assertEquals("1.0.0 2\n", rig.read(count(second)));
        assertEquals("1.0.0\n", rig.read("/sys/module/counter/version"));
        assertTrue(again.cards.values().stream().allMatch(TestCounter.Card::isRunning));
        assertTrue(next.cards.isEmpty());
        TestCounter mended = new TestCounter("3.0.0");
        rig.update(mended, "3.0.0");
        assertEquals("3.0.0 1\n", rig.read(count(first)));
        rig.remove(first);
        rig.remove(second);
        assertTrue(mended.cards.isEmpty());
    }

    @Test
    void oldVersionContinuesWithItsSettings() throws Exception {
        rig.start(new TestCounter("1.0.0"), "1.0.0");
        UUID uuid = rig.createCounter("a");
        rig.write(PARENT + "settings/limit", "7");
        TestCounter next = new TestCounter("2.0.0");
        next.inRestoreSettings = failing();

        try (LiveUpdate update = rig.update()) {
            rig.stop();
            fails(Errno.EINVAL, () -> rig.start(next, "2.0.0"));
            fails(Errno.EINVAL, update::complete);
            rig.stop();
            update.goBack();
            rig.start(new TestCounter("1.0.0"), "1.0.0");
            update.complete();
        }

        assertEquals("7\n", rig.read(PARENT + "settings/limit"));
        assertEquals("1.0.0 0\n", rig.read(count(uuid)));
    }

    @Test
    void rejectsAVersionWithoutATypeInUse() throws Exception {
        rig.start(new TestCounter("1.0.0"), "1.0.0");
        rig.createCounter("a");
        try (LiveUpdate update = rig.update()) {
            rig.stop();
            TestCounter next = new TestCounter("2.0.0", List.of("b"), List.of("count"));
            ErrnoException lacking = fails(Errno.EINVAL, () -> rig.start(next, "2.0.0"));
            assertTrue(lacking.toString().contains("counter-a has devices"), lacking::toString);
            assertEquals(lacking, fails(Errno.EINVAL, update::complete));
            rig.stop();
            update.goBack();
            rig.start(new TestCounter("1.0.0"), "1.0.0");
            update.complete();
        }
    }

    @Test
    void updateThatFailsBothWaysRemovesTheDevices() throws Exception {
        rig.start(new TestCounter("1.0.0"), "1.0.0");
        UUID uuid = rig.createCounter("a");
        List<CompletableFuture<String>> reads;
        try (LiveUpdate _ = rig.update()) {
            reads = Stream.generate(() -> elsewhere(() -> rig.read(count(uuid))))
                    .limit(50)
                    .toList();
            rig.stop();
        }
        for (CompletableFuture<String> read : reads) {
            assertThrows(Exception.class, read::get);
        }
        assertFalse(rig.exists(Rig.DEVICES + uuid));
        assertFalse(rig.exists(PARENT));
        rig.start(new TestCounter("1.0.0"), "1.0.0");
        assertTrue(rig.exists(PARENT));
    }
}
