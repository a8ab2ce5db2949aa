package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.user.conformance.Migrating.ERROR;
import static vfio.user.conformance.Migrating.PRE_COPY_P2P;
import static vfio.user.conformance.Migrating.RESUMING;
import static vfio.user.conformance.Migrating.RUNNING;
import static vfio.user.conformance.Migrating.STOP;
import static vfio.user.conformance.Migrating.STOP_COPY;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The states of a migration: what the driver is asked for, by the rules of {@code include/uapi/linux/vfio.h}. */
final class MigrationArcsTest {
    private static final int BAR0 = 0;

    /** Every pair of states: what the driver is asked for, and the state afterwards. */
    @TestFactory
    Stream<DynamicTest> arcs() {
        Map<String, List<String>> calls = new TreeMap<>(Map.ofEntries(
                Map.entry("1 1", List.of()),
                Map.entry("1 2", List.of("resume")),
                Map.entry("1 3", List.of("save")),
                Map.entry("1 4", List.of("reset")),
                Map.entry("2 1", List.of("stop")),
                Map.entry("2 2", List.of()),
                Map.entry("2 3", List.of("stop", "save")),
                Map.entry("2 4", List.of("stop", "reset")),
                Map.entry("3 1", List.of()),
                Map.entry("3 2", List.of("resume")),
                Map.entry("3 3", List.of()),
                Map.entry("3 4", List.of("reset")),
                Map.entry("4 1", List.of("restore")),
                Map.entry("4 2", List.of("restore", "resume")),
                Map.entry("4 3", List.of("restore", "save")),
                Map.entry("4 4", List.of()),
                Map.entry("0 0", List.of())));
        Map<String, MigrationCase> cases = new TreeMap<>();
        for (int from = ERROR; from <= RESUMING; from++) {
            for (int to = ERROR; to <= PRE_COPY_P2P; to++) {
                int source = from;
                int target = to;
                String arc = from + " " + to;
                cases.put(arc, (_, card, user) -> {
                    byte[] stream = user.save();
                    MigrationCase.enter(card, user, source, stream);
                    card.took();
                    if (calls.containsKey(arc)) {
                        user.set(target);
                    } else {
                        user.refused(Errno.EINVAL, target, source);
                    }
                    assertEquals(calls.getOrDefault(arc, List.of()), card.took());
                    if (source == STOP_COPY && target == STOP_COPY) {
                        assertArrayEquals(stream, user.readAll(() -> 100), "its stream goes on");
                    }
                });
            }
        }
        assertEquals(40, cases.size());
        return MigrationCase.all(cases);
    }

    @TestFactory
    Stream<DynamicTest> resetLeadsToRunning() {
        Map<String, MigrationCase> cases = new TreeMap<>();
        for (int from = ERROR; from <= RESUMING; from++) {
            int state = from;
            cases.put("from " + state, (_, card, user) -> {
                MigrationCase.enter(card, user, state, user.save());
                card.took();
                user.client().ok(Commands.RESET, new Payload());
                assertEquals(RUNNING, user.state());
                assertEquals(state == RUNNING ? List.of("reset") : List.of("reset", "resume"), card.took());
                user.client().write(BAR0, 0, (byte) 1);
                assertEquals(1, user.client().read(BAR0, 0, 1)[0]);
            });
        }
        return MigrationCase.all(cases);
    }

    private record Failing(int from, int to, int after, List<String> calls) {}

    @TestFactory
    Stream<DynamicTest> failuresOfTheDriverLeaveAState() {
        Map<String, Failing> table = new TreeMap<>(Map.of(
                "stop", new Failing(RUNNING, STOP_COPY, RUNNING, List.of("stop", "resume")),
                "save", new Failing(RUNNING, STOP_COPY, STOP, List.of("stop", "save")),
                "restore", new Failing(RESUMING, RUNNING, ERROR, List.of("restore")),
                "resume", new Failing(STOP, RUNNING, ERROR, List.of("resume")),
                "reset", new Failing(STOP, RESUMING, ERROR, List.of("reset"))));
        Map<String, MigrationCase> cases = new TreeMap<>();
        table.forEach((what, failing) -> {
            cases.put(what + " throws an errno", failing(what, failing, Errno.ENOSPC, () -> {
                throw new ErrnoException(Errno.ENOSPC);
            }));
            cases.put(what + " throws an exception", failing(what, failing, Errno.EIO, () -> {
                throw new IllegalStateException("on purpose");
            }));
        });
        return MigrationCase.all(cases);
    }

    private static MigrationCase failing(String what, Failing failing, Errno errno, StatefulCard.Hook hook) {
        return (_, card, user) -> {
            MigrationCase.enter(card, user, failing.from, user.save());
            card.took();
            hook(card, what, hook);
            user.refused(errno, failing.to, failing.after);
            assertEquals(failing.calls, card.took());
            hook(card, what, StatefulCard.NOTHING);
            if (failing.after == ERROR) {
                user.refused(Errno.EINVAL, RUNNING, ERROR);
                user.client().ok(Commands.RESET, new Payload());
            }
            user.set(RUNNING);
            user.client().write(BAR0, 0, (byte) 1);
        };
    }

    private static void hook(StatefulCard card, String what, StatefulCard.Hook hook) {
        switch (what) {
            case "stop" -> card.onStop = hook;
            case "save" -> card.onSave = hook;
            case "restore" -> card.onRestore = hook;
            case "resume" -> card.onResume = hook;
            default -> card.onReset = _ -> hook.run();
        }
    }

    @TestFactory
    Stream<DynamicTest> clientsThatLeaveHaveTheirDeviceReset() {
        Map<String, MigrationCase> cases = new TreeMap<>();
        for (int from = ERROR; from <= RESUMING; from++) {
            int state = from;
            cases.put("in state " + state, (rig, card, user) -> {
                user.client().write(BAR0, 0, (byte) 0x55);
                byte[] stream = user.save();
                MigrationCase.enter(card, user, state, stream);
                card.took();
                user.client().close();
                Migrating next = new Migrating(rig.served());
                rig.owned(next.client());
                assertEquals(state == RUNNING ? List.of() : List.of("reset", "resume"), card.took());
                assertEquals(RUNNING, next.state());
                assertEquals(state == RUNNING ? 0x55 : 0, next.client().read(BAR0, 0, 1)[0]);
            });
        }
        cases.put("in the midst of a stream", (rig, card, user) -> {
            byte[] stream = user.save();
            user.set(RESUMING);
            user.write(Arrays.copyOf(stream, stream.length / 2));
            user.client().close();
            Migrating next = new Migrating(rig.owned(rig.served()));
            assertEquals(RUNNING, next.state());
            assertArrayEquals(stream, next.save(), "nothing of the stream is left");
        });
        return MigrationCase.all(cases);
    }
}
