package vendor.gpusim.engine;

/**
 * Detects guests whose memory accesses are too slow for the engine to wait for. A pause of the host looks the same, so
 * a guest counts as fast again after a number of quick accesses. The number doubles each time, so that a malicious
 * guest delays the engine ever more rarely. Used by one thread at a time.
 */
final class Pace {
    /**
     * The limit in nanoseconds; only an access that waits for the guest's VMM can exceed it. A VMM answers accesses if
     * it does not share the guest's memory.
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
