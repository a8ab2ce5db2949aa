package vfio.mdev.irq;

import static mdev.api.vfio.SetIrqs.ACTION_MASK;
import static mdev.api.vfio.SetIrqs.ACTION_TRIGGER;
import static mdev.api.vfio.SetIrqs.ACTION_UNMASK;
import static mdev.api.vfio.SetIrqs.DATA_BOOL;
import static mdev.api.vfio.SetIrqs.DATA_EVENTFD;
import static mdev.api.vfio.SetIrqs.DATA_NONE;

import java.util.List;
import java.util.function.Predicate;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.SetIrqs;
import vfio.mdev.uapi.DeviceApi;

/**
 * The rules for {@code VFIO_DEVICE_SET_IRQS}, in the order of {@code vfio_set_irqs_validate_and_prepare()}, followed by
 * the additional checks of libvfio-user ({@code lib/irq.c}). Each violation is EINVAL.
 */
final class SetIrqsRules {
    static final int DATA = DATA_NONE | DATA_BOOL | DATA_EVENTFD;
    static final int ACTION = ACTION_MASK | ACTION_UNMASK | ACTION_TRIGGER;

    /** A request and the device's interrupts; index, start and count are unsigned. */
    private record Case(DeviceApi api, SetIrqs request, long index, long start, long count, long kinds, long present) {
        boolean is(int flags) {
            return (request.flags() & flags) == flags;
        }
    }

    private record Rule(String reason, Predicate<Case> violation) {}

    private static final List<Rule> RULES = List.of(
            new Rule("unknown flag", c -> (c.request.flags() & ~(DATA | ACTION)) != 0),
            new Rule("not exactly one data type", c -> Integer.bitCount(c.request.flags() & DATA) != 1),
            new Rule("not exactly one action", c -> Integer.bitCount(c.request.flags() & ACTION) != 1),
            new Rule("no such index", c -> c.index >= c.kinds),
            new Rule("start beyond the last interrupt", c -> c.start >= c.present),
            new Rule("range beyond the last interrupt", c -> c.start + c.count > c.present),
            new Rule(
                    "the interrupt takes only TRIGGER",
                    c -> c.api.takesOnlyTrigger((int) c.index) && !c.is(ACTION_TRIGGER)),
            new Rule("count 0 with a start", c -> c.count == 0 && c.start != 0),
            new Rule("count 0 requires NONE with TRIGGER", c -> c.count == 0 && !c.is(DATA_NONE | ACTION_TRIGGER)),
            new Rule("the data does not match its type or count", c -> !fits(c)));

    private SetIrqsRules() {}

    private static boolean fits(Case c) {
        return switch (c.request.data()) {
            case SetIrqs.Data.None() -> c.is(DATA_NONE);
            case SetIrqs.Data.Bools(var values) -> c.is(DATA_BOOL) && values.size() == c.count;
            case SetIrqs.Data.Triggers(var values) -> c.is(DATA_EVENTFD) && values.size() == c.count;
        };
    }

    /** @param counts the number of interrupts of each index */
    static void check(DeviceApi api, SetIrqs request, int[] counts) throws ErrnoException {
        long index = Integer.toUnsignedLong(request.index());
        Case c = new Case(
                api,
                request,
                index,
                Integer.toUnsignedLong(request.start()),
                Integer.toUnsignedLong(request.count()),
                counts.length,
                index < counts.length ? counts[(int) index] : 0);
        for (Rule rule : RULES) {
            if (rule.violation.test(c)) {
                throw new ErrnoException(
                        Errno.EINVAL,
                        "SET_IRQS index %d, start %d, count %d, flags 0x%x: %s"
                                .formatted(c.index, c.start, c.count, request.flags(), rule.reason));
            }
        }
    }
}
