package mdev.linux;

import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;

/** An irrevocable restriction of a memfd ({@code F_SEAL_*}, {@code include/uapi/linux/fcntl.h}). */
public enum Seal {
    /** No further seals. */
    SEAL(1),
    /** The file cannot shrink: memory mapped from it remains valid. */
    SHRINK(2),
    /** The file cannot grow. */
    GROW(4),
    /** The content cannot change; EBUSY while a writable mapping exists. */
    WRITE(8),
    /** The content can change only through existing writable mappings. */
    FUTURE_WRITE(16),
    /** The execute bits cannot change. */
    EXEC(32);

    private final int bit;

    Seal(int bit) {
        this.bit = bit;
    }

    static int mask(Collection<Seal> seals) {
        return seals.stream().mapToInt(seal -> seal.bit).reduce(0, (a, b) -> a | b);
    }

    static Set<Seal> of(int mask) {
        EnumSet<Seal> seals = EnumSet.allOf(Seal.class);
        seals.removeIf(seal -> (mask & seal.bit) == 0);
        return seals;
    }
}
