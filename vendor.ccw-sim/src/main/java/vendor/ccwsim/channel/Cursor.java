package vendor.ccwsim.channel;

import org.jspecify.annotations.Nullable;

/** Finds the next CCW of a program: over at most one transfer in channel, and only if it is valid. */
final class Cursor {
    private final ProgramCopy program;

    Cursor(ProgramCopy program) {
        this.program = program;
    }

    /**
     * The result of a fetch.
     *
     * @param step the CCW; null: a program check
     * @param cpa the address of the last CCW that was used or invalid, plus 8
     */
    record Fetched(@Nullable Step step, long cpa) {}

    /** The first CCW of a program. */
    Fetched first(long address) {
        Step step = program.at(address);
        return step == null ? invalid(address) : valid(step, false);
    }

    /** @param chained by data chaining, not command chaining */
    Fetched next(long address, boolean chained) {
        Step step = program.at(address);
        if (step == null) {
            return invalid(address);
        }
        if (!step.ccw().isTic()) {
            return valid(step, chained);
        }
        Step target =
                program.rules().isValidTic(step.ccw()) ? program.at(step.ccw().address()) : null;
        if (target == null) {
            return invalid(address);
        }
        return valid(target, chained);
    }

    /** Of a CCW that cannot be a transfer in channel: the first, or the target of another one. */
    private Fetched valid(Step step, boolean chained) {
        long cpa = step.address() + Ccw.SIZE;
        return new Fetched(program.rules().isValid(step.ccw(), chained) ? step : null, cpa);
    }

    private static Fetched invalid(long address) {
        return new Fetched(null, address + Ccw.SIZE);
    }
}
