package vendor.gpusim.engine;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Selects the next vGPU: the runnable one with the least virtual time. In addition, each vGPU earns credit as time
 * passes, at the rate that the policy allows, and pays with it for the time it uses; a vGPU without credit must wait
 * even if the engine is idle. Called only by the engine's thread, before each turn; allocates nothing unless a vGPU is
 * added or removed. All times are in nanoseconds.
 */
final class Scheduler {
    /** The length of a turn; a part of a command that begins in it is completed. */
    static final long SLICE = 1_000_000;

    /** The maximum credit. */
    private static final long MAX_CREDIT = 4 * SLICE;

    /** A vGPU in use. */
    static final class User {
        final EngineRegisters registers;

        /** Whether the vGPU had work at the last check. */
        private boolean waits;

        /** The time that the vGPU may still use. */
        private double credit;

        /** The share that the policy allows. */
        private double limit = 1;

        /**
         * The virtual time: the used time divided by the share. It keeps vGPUs of different shares in step, and a
         * change of the policy leaves no debts. An idle vGPU does not accumulate turns.
         */
        private double virtualTime;

        private User(EngineRegisters registers, double floor) {
            this.registers = registers;
            this.credit = registers.account().credit();
            this.virtualTime = floor + registers.account().lead();
        }
    }

    private List<EngineRegisters> known = List.of();
    private User[] users = {};

    /**
     * The minimum virtual time among runnable vGPUs. A vGPU that is added, returns or was idle starts there, and is not
     * compensated for the time that the others used meanwhile. A vGPU that was stopped keeps its lead.
     */
    private double floor;

    /**
     * Sets the vGPUs in use; the list is replaced when one is added or removed. The remaining vGPUs keep their
     * accounts.
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

    /** Adds credit for passed time. */
    void earn(Policy policy, long nanos) {
        for (User user : users) {
            user.limit = policy.limit(user.registers.share(), users.length);
            user.credit = Math.min(MAX_CREDIT, user.credit + nanos * user.limit);
            user.registers.account().set((long) user.credit, (long) (user.virtualTime - floor));
        }
    }

    /** The next vGPU; null if none has both work and credit. */
    @Nullable
    User next(Policy policy) {
        double least = Double.POSITIVE_INFINITY;
        for (User user : users) {
            user.waits = user.registers.waits();
            if (user.waits) {
                least = Math.min(least, user.virtualTime);
            }
        }
        if (least < Double.POSITIVE_INFINITY) {
            floor = Math.max(floor, least);
        }
        User next = null;
        for (User user : users) {
            if (!user.waits) {
                user.virtualTime = Math.max(user.virtualTime, floor);
            } else if ((policy == Policy.BEST_EFFORT || user.credit > 0)
                    && (next == null || user.virtualTime < next.virtualTime)) {
                next = user;
            }
        }
        return next;
    }

    /** Charges a vGPU for using the engine, and counts the waiting time of the others that have work. */
    void pay(User payer, long nanos) {
        payer.virtualTime += nanos / payer.limit;
        payer.credit -= nanos;
        payer.registers.counters().busy().addAndGet(nanos);
        await(payer, nanos);
    }

    /** Counts the waiting time of all vGPUs with work, except the busy one. */
    void await(@Nullable User busy, long nanos) {
        for (User user : users) {
            if (user != busy && user.registers.waits()) {
                user.registers.counters().waiting().addAndGet(nanos);
            }
        }
    }

    /** Whether any vGPU has work. */
    boolean anyWaits() {
        for (User user : users) {
            if (user.registers.waits()) {
                return true;
            }
        }
        return false;
    }
}
