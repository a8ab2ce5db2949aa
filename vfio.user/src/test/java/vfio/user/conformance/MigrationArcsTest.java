package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.user.conformance.Migrating.ERROR;
import static vfio.user.conformance.Migrating.PRE_COPY_P2P;
import static vfio.user.conformance.Migrating.RESUMING;
import static vfio.user.conformance.Migrating.RUNNING;
import static vfio.user.conformance.Migrating.RUNNING_P2P;
import static vfio.user.conformance.Migrating.STOP;
import static vfio.user.conformance.Migrating.STOP_COPY;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.MigrationState;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The states of a migration: what the driver is asked for, by the rules of {@code include/uapi/linux/vfio.h}. */
final class MigrationArcsTest {
    private static final int BAR0 = 0;

    /** The paths of a card without P2P, and the calls of its driver; all others are refused. */
    private static final Map<String, List<String>> CALLS = table("""
            ERROR ERROR:
            STOP STOP:
            STOP RUNNING: resume
            STOP STOP_COPY: save
            STOP RESUMING: reset
            RUNNING STOP: stop
            RUNNING RUNNING:
            RUNNING STOP_COPY: stop save
            RUNNING RESUMING: stop reset
            STOP_COPY STOP:
            STOP_COPY RUNNING: resume
            STOP_COPY STOP_COPY:
            STOP_COPY RESUMING: reset
            RESUMING STOP: restore
            RESUMING RUNNING: restore resume
            RESUMING STOP_COPY: restore save
            RESUMING RESUMING:
            """);

    private static final Map<String, List<String>> P2P_CALLS = table("""
            ERROR ERROR:
            STOP STOP:
            STOP RUNNING: resume unquiesce
            STOP STOP_COPY: save
            STOP RESUMING: reset
            STOP RUNNING_P2P: resume
            RUNNING STOP: quiesce stop
            RUNNING RUNNING:
            RUNNING STOP_COPY: quiesce stop save
            RUNNING RESUMING: quiesce stop reset
            RUNNING RUNNING_P2P: quiesce
            STOP_COPY STOP:
            STOP_COPY RUNNING: resume unquiesce
            STOP_COPY STOP_COPY:
            STOP_COPY RESUMING: reset
            STOP_COPY RUNNING_P2P: resume
            RESUMING STOP: restore
            RESUMING RUNNING: restore resume unquiesce
            RESUMING STOP_COPY: restore save
            RESUMING RESUMING:
            RESUMING RUNNING_P2P: restore resume
            RUNNING_P2P STOP: stop
            RUNNING_P2P RUNNING: unquiesce
            RUNNING_P2P STOP_COPY: stop save
            RUNNING_P2P RESUMING: stop reset
            RUNNING_P2P RUNNING_P2P:
            """);

    private static Map<String, List<String>> table(String lines) {
        Map<String, List<String>> table = new TreeMap<>();
        for (String line : lines.lines().toList()) {
            int colon = line.indexOf(':');
            String calls = line.substring(colon + 1).strip();
            table.put(line.substring(0, colon), calls.isEmpty() ? List.of() : List.of(calls.split(" ")));
        }
        return table;
    }

    @TestFactory
    Stream<DynamicTest> arcs() {
        return MigrationCase.all(arcs(CALLS, RESUMING));
    }

    @TestFactory
    Stream<DynamicTest> arcsWithP2p() {
        return MigrationCase.all(QuiescentCard::new, arcs(P2P_CALLS, RUNNING_P2P));
    }

    /** Every pair of states: what the driver is asked for, and the state afterwards. */
    private static Map<String, MigrationCase> arcs(Map<String, List<String>> calls, int last) {
        Map<String, MigrationCase> cases = new TreeMap<>();
        for (int from = ERROR; from <= last; from++) {
            for (int to = ERROR; to <= PRE_COPY_P2P; to++) {
                int source = from;
                int target = to;
                String arc = name(from) + " " + name(to);
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
        assertEquals(8 * (last + 1), cases.size());
        return cases;
    }

    private static String name(int state) {
        return MigrationState.of(state).orElseThrow().name();
    }

    /** What a reset calls, and the end of a client, in each state. */
    private static List<String> reset(StatefulCard card, int state) {
        if (state == RUNNING) {
            return List.of("reset");
        }
        if (state == RUNNING_P2P) {
            return List.of("reset", "unquiesce");
        }
        return card instanceof QuiescentCard ? List.of("reset", "resume", "unquiesce") : List.of("reset", "resume");
    }

    @TestFactory
    Stream<DynamicTest> resetLeadsToRunning() {
        return MigrationCase.all(resets(RESUMING));
    }

    @TestFactory
    Stream<DynamicTest> resetLeadsToRunningWithP2p() {
        return MigrationCase.all(QuiescentCard::new, resets(RUNNING_P2P));
    }

    private static Map<String, MigrationCase> resets(int last) {
        Map<String, MigrationCase> cases = new TreeMap<>();
        for (int from = ERROR; from <= last; from++) {
            int state = from;
            cases.put("from " + name(state), (_, card, user) -> {
                MigrationCase.enter(card, user, state, user.save());
                card.took();
                user.client().ok(Commands.RESET, new Payload());
                assertEquals(RUNNING, user.state());
                assertEquals(reset(card, state), card.took());
                user.client().write(BAR0, 0, (byte) 1);
                assertEquals(1, user.client().read(BAR0, 0, 1)[0]);
            });
        }
        return cases;
    }

    private record Failing(int from, int to, int after, List<String> calls) {}

    @TestFactory
    Stream<DynamicTest> failuresOfTheDriverLeaveAState() {
        return MigrationCase.all(failures(Map.of(
                "stop", new Failing(RUNNING, STOP_COPY, RUNNING, List.of("stop", "resume")),
                "save", new Failing(RUNNING, STOP_COPY, STOP, List.of("stop", "save")),
                "restore", new Failing(RESUMING, RUNNING, ERROR, List.of("restore")),
                "resume", new Failing(STOP, RUNNING, ERROR, List.of("resume")),
                "reset", new Failing(STOP, RESUMING, ERROR, List.of("reset")))));
    }

    @TestFactory
    Stream<DynamicTest> failuresOfTheDriverLeaveAStateWithP2p() {
        return MigrationCase.all(
                QuiescentCard::new,
                failures(Map.of(
                        "quiesce", new Failing(RUNNING, STOP_COPY, RUNNING, List.of("quiesce", "unquiesce")),
                        "unquiesce", new Failing(STOP, RUNNING, ERROR, List.of("resume", "unquiesce")),
                        "stop", new Failing(RUNNING, STOP_COPY, RUNNING_P2P, List.of("quiesce", "stop", "resume")),
                        "save", new Failing(RUNNING, STOP_COPY, STOP, List.of("quiesce", "stop", "save")),
                        "restore", new Failing(RESUMING, RUNNING, ERROR, List.of("restore")),
                        "resume", new Failing(STOP, RUNNING, ERROR, List.of("resume")),
                        "reset", new Failing(STOP, RESUMING, ERROR, List.of("reset")))));
    }

    @Test
    void quiesceThatCannotBeUndoneLeadsToError() throws Exception {
        QuiescentCard quiescent = new QuiescentCard();
        StatefulCard.Hook failing = () -> {
            throw new ErrnoException(Errno.ENOSPC);
        };
        MigrationCase.run(quiescent, (_, card, user) -> {
            quiescent.onQuiesce = failing;
            quiescent.onUnquiesce = failing;
            user.refused(Errno.ENOSPC, RUNNING_P2P, ERROR);
            user.client().refused(Errno.EBUSY, Commands.REGION_READ, Requests.read(BAR0, 0, 4));
            quiescent.onUnquiesce = StatefulCard.NOTHING;
            card.took();
            user.client().ok(Commands.RESET, new Payload());
            assertEquals(List.of("reset", "resume", "unquiesce"), card.took());
            assertEquals(RUNNING, user.state());
        });
    }

    private static Map<String, MigrationCase> failures(Map<String, Failing> table) {
        Map<String, MigrationCase> cases = new TreeMap<>();
        table.forEach((what, failing) -> {
            cases.put(what + " throws an errno", failing(what, failing, Errno.ENOSPC, () -> {
                throw new ErrnoException(Errno.ENOSPC);
            }));
            cases.put(what + " throws an exception", failing(what, failing, Errno.EIO, () -> {
                throw new IllegalStateException("on purpose");
            }));
        });
        return cases;
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
            case "quiesce" -> ((QuiescentCard) card).onQuiesce = hook;
            case "unquiesce" -> ((QuiescentCard) card).onUnquiesce = hook;
            default -> card.onReset = _ -> hook.run();
        }
    }

    @TestFactory
    Stream<DynamicTest> clientsThatLeaveHaveTheirDeviceReset() {
        return MigrationCase.all(leaving(RESUMING));
    }

    @TestFactory
    Stream<DynamicTest> clientsThatLeaveHaveTheirDeviceResetWithP2p() {
        return MigrationCase.all(QuiescentCard::new, leaving(RUNNING_P2P));
    }

    private static Map<String, MigrationCase> leaving(int last) {
        Map<String, MigrationCase> cases = new TreeMap<>();
        for (int from = ERROR; from <= last; from++) {
            int state = from;
            cases.put("in state " + name(state), (rig, card, user) -> {
                user.client().write(BAR0, 0, (byte) 0x55);
                byte[] stream = user.save();
                MigrationCase.enter(card, user, state, stream);
                card.took();
                user.client().close();
                Migrating next = new Migrating(rig.served());
                rig.owned(next.client());
                assertEquals(state == RUNNING ? List.of() : reset(card, state), card.took());
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
        return cases;
    }
}
