package vendor.gpusim.engine;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is: of those that have work, the one that has had least for its part. Besides each earns time as time
 * passes, as much as the policy allows, and pays with what it uses; who has none left must wait even when the engine is
 * idle. Only the engine's thread calls, before each turn: so nothing is allocated as long as nobody comes or goes. All
 * times are in nanoseconds.
 */
final class Scheduler {
    /** How long a turn is; the part of a command that begins in it is finished. */
    static final long SLICE = 1_000_000;

    /** What one can save at most. */
    private static final long MOST = 4 * SLICE;

    /** A vGPU in use. */
    static final class User {
        final EngineRegisters registers;

        /** Whether it had work when it was last looked. */
        private boolean waits;

        /** What it may still use. */
        private double credit;

        /** The part that the policy allows it. */
        private double limit = 1;

        /**
         * What it has had, divided by its part: so those of unlike parts stay together, and a change of the policy
         * finds nobody owed anything. An idle one does not save up turns.
         */
        private double had;

        private User(EngineRegisters registers, double had) {
            this.registers = registers;
            this.had = had;
        }
    }

    private List<EngineRegisters> known = List.of();
    private User[] users = {};

    /**
     * The least that somebody who had work has had: who comes, comes again or was idle begins there, and is not owed
     * what the others had meanwhile.
     */
    private double floor;

    /**
     * The vGPUs that are in use now: another list when one comes or goes. Those that were already keep their accounts.
     */
    @SuppressWarnings("ReferenceEquality")
    void users(List<EngineRegisters> now) {
        if (known != now) {
            known = now;
            User[] before = users;
            users = now.stream().map(registers -> user(before, registers)).toArray(User[]::new);
        }
    }

    private User user(User[] before, EngineRegisters registers) {
        return Stream.of(before)
                .filter(user -> user.registers == registers)
                .findFirst()
                .orElseGet(() -> new User(registers, floor));
    }

    /** Time has passed. */
    void earn(Policy policy, long nanos) {
        for (User user : users) {
            user.limit = policy.limit(user.registers.share(), users.length);
            user.credit = Math.min(MOST, user.credit + nanos * user.limit);
        }
    }

    /** The next; null if none has work that it may do now. */
    @Nullable
    User next(Policy policy) {
        double least = Double.POSITIVE_INFINITY;
        for (User user : users) {
            user.waits = user.registers.waits();
            if (user.waits) {
                least = Math.min(least, user.had);
            }
        }
        if (least < Double.POSITIVE_INFINITY) {
            floor = Math.max(floor, least);
        }
        User next = null;
        for (User user : users) {
            if (!user.waits) {
                user.had = Math.max(user.had, floor);
            } else if ((policy == Policy.BEST_EFFORT || user.credit > 0) && (next == null || user.had < next.had)) {
                next = user;
            }
        }
        return next;
    }

    /** A vGPU has had the engine; the others that have work waited meanwhile. */
    void pay(User payer, long nanos) {
        payer.had += nanos / payer.limit;
        payer.credit -= nanos;
        payer.registers.counters().worked(nanos);
        await(payer, nanos);
    }

    /** All but one, if any, that have work waited. */
    void await(@Nullable User busy, long nanos) {
        for (User user : users) {
            if (user != busy && user.registers.waits()) {
                user.registers.counters().waited(nanos);
            }
        }
    }

    /** Whether somebody has work. */
    boolean anyWaits() {
        for (User user : users) {
            if (user.registers.waits()) {
                return true;
            }
        }
        return false;
    }
}
