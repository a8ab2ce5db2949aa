package vendor.gpusim.engine;

/**
 * Whether accesses to a guest's memory take so long that the engine must not wait for them. A pause of the host looks
 * the same, so it is forgiven after some quick ones: twice as many each time, so that who does it on purpose keeps the
 * engine waiting ever more rarely. One thread at a time.
 */
final class Pace {
    /**
     * What an access cannot take in nanoseconds unless it waits for the guest's VMM, which has to answer where it does
     * not share the guest's memory.
     */
    static final long SLOW = 100_000_000;

    private static final int FIRST = 16;
    private static final int MOST = 1 << 20;

    private int quickWanted = FIRST;
    private int quickLeft;

    boolean isSlow() {
        return quickLeft > 0;
    }

    void took(long nanos) {
        if (nanos > SLOW) {
            quickLeft = quickWanted;
            quickWanted = Math.min(MOST, 2 * quickWanted);
        } else if (quickLeft > 0) {
            quickLeft--;
        }
    }
}
