package mdev.api.vfio;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code VFIO_DEVICE_SET_IRQS}. The framework handles it, because it owns the triggers; the request never reaches a
 * vendor.
 *
 * <p>EVENTFD+TRIGGER arms the range, a {@code null} trigger disarms its interrupt; NONE+TRIGGER with count 0 disarms
 * the whole index; NONE or BOOL with TRIGGER signals the armed interrupts; MASK and UNMASK apply to the range, and are
 * ENOTTY for a kind that is not {@link IrqInfo#MASKABLE}.
 *
 * @param flags exactly one of the DATA bits and one of the ACTION bits
 * @param index the interrupt kind, see {@link VfioPci} and {@link VfioCcw}
 * @param start the first interrupt
 * @param count the number of interrupts
 * @param data the data that the DATA bit selects, with {@code count} entries
 */
public record SetIrqs(int flags, int index, int start, int count, Data data) implements IoctlRequest {
    public static final int DATA_NONE = 1;
    public static final int DATA_BOOL = 1 << 1;
    public static final int DATA_EVENTFD = 1 << 2;
    public static final int ACTION_MASK = 1 << 3;
    public static final int ACTION_UNMASK = 1 << 4;
    public static final int ACTION_TRIGGER = 1 << 5;

    /** The variable part of the request. */
    public sealed interface Data {
        /** No data. */
        record None() implements Data {}

        /** One flag per interrupt: whether the action applies to it. */
        record Bools(List<Boolean> values) implements Data {
            public Bools {
                values = List.copyOf(values);
            }
        }

        /**
         * One trigger per interrupt, {@code null} for none. The framework takes ownership of them whatever the outcome
         * of the call.
         */
        record Triggers(List<@Nullable IrqTrigger> values) implements Data {
            public Triggers {
                values = Collections.unmodifiableList(new ArrayList<>(values));
            }
        }
    }

    /** Arms one interrupt. */
    public static SetIrqs arm(int index, int vector, IrqTrigger trigger) {
        return new SetIrqs(DATA_EVENTFD | ACTION_TRIGGER, index, vector, 1, new Data.Triggers(List.of(trigger)));
    }

    /** Disarms all interrupts of a kind. */
    public static SetIrqs disarm(int index) {
        return new SetIrqs(DATA_NONE | ACTION_TRIGGER, index, 0, 0, new Data.None());
    }

    /** Unmasks a masked interrupt. */
    public static SetIrqs unmask(int index, int vector) {
        return new SetIrqs(DATA_NONE | ACTION_UNMASK, index, vector, 1, new Data.None());
    }
}
