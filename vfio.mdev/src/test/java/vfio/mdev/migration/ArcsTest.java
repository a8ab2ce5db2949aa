package vfio.mdev.migration;

import static mdev.api.vfio.DeviceMigration.P2P;
import static mdev.api.vfio.DeviceMigration.PRE_COPY;
import static mdev.api.vfio.DeviceMigration.STOP_COPY;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import mdev.api.vfio.MigrationState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The paths between the states, against the rules of {@code include/uapi/linux/vfio.h}. */
final class ArcsTest {
    private static final int ALL = STOP_COPY | P2P | PRE_COPY;

    /** The states of the saving group. */
    private static final Set<MigrationState> SAVING =
            EnumSet.of(MigrationState.STOP_COPY, MigrationState.PRE_COPY, MigrationState.PRE_COPY_P2P);

    /** The combination transitions that {@code vfio_mig_get_next_state()} lists, for a device with all states. */
    private static final List<String> COMBINATIONS = List.of(
            "PRE_COPY PRE_COPY_P2P STOP_COPY",
            "PRE_COPY RUNNING RUNNING_P2P",
            "PRE_COPY RUNNING RUNNING_P2P STOP",
            "PRE_COPY RUNNING RUNNING_P2P STOP RESUMING",
            "PRE_COPY_P2P RUNNING_P2P RUNNING",
            "PRE_COPY_P2P RUNNING_P2P STOP",
            "PRE_COPY_P2P RUNNING_P2P STOP RESUMING",
            "RESUMING STOP RUNNING_P2P",
            "RESUMING STOP RUNNING_P2P PRE_COPY_P2P",
            "RESUMING STOP RUNNING_P2P RUNNING",
            "RESUMING STOP RUNNING_P2P RUNNING PRE_COPY",
            "RESUMING STOP STOP_COPY",
            "RUNNING RUNNING_P2P PRE_COPY_P2P",
            "RUNNING RUNNING_P2P STOP",
            "RUNNING RUNNING_P2P STOP RESUMING",
            "RUNNING RUNNING_P2P STOP STOP_COPY",
            "RUNNING_P2P RUNNING PRE_COPY",
            "RUNNING_P2P STOP RESUMING",
            "RUNNING_P2P STOP STOP_COPY",
            "STOP RUNNING_P2P PRE_COPY_P2P",
            "STOP RUNNING_P2P RUNNING",
            "STOP RUNNING_P2P RUNNING PRE_COPY",
            "STOP_COPY STOP RESUMING",
            "STOP_COPY STOP RUNNING_P2P",
            "STOP_COPY STOP RUNNING_P2P RUNNING");

    @Test
    void combinationsTakeTheKernelsPaths() {
        for (String combination : COMBINATIONS) {
            List<MigrationState> states = List.of(combination.split(" ")).stream()
                    .map(MigrationState::valueOf)
                    .toList();
            assertEquals(states, path(ALL, states.getFirst(), states.getLast()));
            if (states.stream().allMatch(state -> has(STOP_COPY | P2P, state))) {
                assertEquals(states, path(STOP_COPY | P2P, states.getFirst(), states.getLast()));
            }
        }
    }

    /** Every pair of states, for each combination of flags: the shortest path, or none. */
    @ParameterizedTest
    @ValueSource(ints = {STOP_COPY, STOP_COPY | P2P, STOP_COPY | PRE_COPY, ALL})
    void pathsAreTheShortestOfTheFlagsArcs(int flags) {
        for (MigrationState from : MigrationState.values()) {
            for (MigrationState to : MigrationState.values()) {
                assertEquals(shortest(flags, from, to), path(flags, from, to), from + " to " + to);
            }
        }
    }

    @Test
    void numbersAreTheKernels() {
        List<String> names =
                List.of("ERROR", "STOP", "RUNNING", "STOP_COPY", "RESUMING", "RUNNING_P2P", "PRE_COPY", "PRE_COPY_P2P");
        for (int number = 0; number < names.size(); number++) {
            MigrationState state = MigrationState.of(number).orElseThrow();
            assertEquals(names.get(number), state.name());
            assertEquals(number, state.number());
        }
        assertEquals(Optional.empty(), MigrationState.of(8));
        assertEquals(Optional.empty(), MigrationState.of(-1));
    }

    /** The states from one to another, both included; empty if there is no path. */
    private static List<MigrationState> path(int flags, MigrationState from, MigrationState to) {
        List<MigrationState> path = new ArrayList<>(List.of(from));
        while (path.size() == 1 || path.getLast() != to) {
            Optional<MigrationState> next = Arcs.next(flags, path.getLast(), to);
            if (next.isEmpty()) {
                assertEquals(1, path.size(), "a path is refused before its first arc");
                return List.of();
            }
            path.add(next.get());
        }
        return path;
    }

    private static List<MigrationState> shortest(int flags, MigrationState from, MigrationState to) {
        if (!has(flags, from) || !has(flags, to) || from == MigrationState.ERROR || to == MigrationState.ERROR) {
            return List.of();
        }
        if (from == to) {
            return List.of(from, to);
        }
        if (from == MigrationState.STOP_COPY && SAVING.contains(to)) {
            return List.of(); // blocked
        }
        Deque<List<MigrationState>> paths = new ArrayDeque<>(List.of(List.of(from)));
        while (!paths.isEmpty()) {
            List<MigrationState> path = paths.remove();
            for (MigrationState next : arcs(flags, path.getLast())) {
                List<MigrationState> longer = new ArrayList<>(path);
                longer.add(next);
                if (next == to) {
                    return longer;
                }
                // Saving states are inside a path only if it stays within their group.
                if (!path.contains(next)
                        && (!SAVING.contains(next) || (SAVING.contains(from) && SAVING.contains(to)))) {
                    paths.add(longer);
                }
            }
        }
        return List.of();
    }

    private static boolean has(int flags, MigrationState state) {
        boolean p2p = (flags & P2P) != 0;
        boolean pre = (flags & PRE_COPY) != 0;
        return switch (state) {
            case RUNNING_P2P -> p2p;
            case PRE_COPY -> pre;
            case PRE_COPY_P2P -> p2p && pre;
            default -> true;
        };
    }

    /** The arcs that a driver with the flags implements. */
    private static List<MigrationState> arcs(int flags, MigrationState from) {
        boolean p2p = (flags & P2P) != 0;
        boolean pre = (flags & PRE_COPY) != 0;
        List<MigrationState> arcs = new ArrayList<>();
        switch (from) {
            case STOP -> {
                arcs.add(MigrationState.RESUMING);
                arcs.add(MigrationState.STOP_COPY);
                arcs.add(p2p ? MigrationState.RUNNING_P2P : MigrationState.RUNNING);
            }
            case RESUMING, STOP_COPY -> arcs.add(MigrationState.STOP);
            case RUNNING -> {
                arcs.add(p2p ? MigrationState.RUNNING_P2P : MigrationState.STOP);
                if (pre) {
                    arcs.add(MigrationState.PRE_COPY);
                }
            }
            case RUNNING_P2P -> {
                arcs.add(MigrationState.RUNNING);
                arcs.add(MigrationState.STOP);
                if (pre) {
                    arcs.add(MigrationState.PRE_COPY_P2P);
                }
            }
            case PRE_COPY -> {
                arcs.add(MigrationState.RUNNING);
                arcs.add(p2p ? MigrationState.PRE_COPY_P2P : MigrationState.STOP_COPY);
            }
            case PRE_COPY_P2P -> {
                arcs.add(MigrationState.PRE_COPY);
                arcs.add(MigrationState.RUNNING_P2P);
                arcs.add(MigrationState.STOP_COPY);
            }
            case ERROR -> {}
        }
        return arcs;
    }
}
