package mdev.linux;

import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;

/** What can be ruled out for a memfd, for good ({@code F_SEAL_*}, {@code include/uapi/linux/fcntl.h}). */
public enum Seal {
    /** No further seals. */
    SEAL(1),
    /** The file cannot get shorter: memory mapped from it stays there. */
    SHRINK(2),
    /** The file cannot get longer. */
    GROW(4),
    /** The content cannot change; refused with EBUSY while a writable mapping exists. */
    WRITE(8),
    /** The content cannot change but through the writable mappings that exist. */
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
