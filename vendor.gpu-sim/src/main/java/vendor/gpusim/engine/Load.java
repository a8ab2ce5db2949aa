package vendor.gpusim.engine;

/**
 * The recent utilisation of the engine: a mean that decays within about a second.
 *
 * @param mean 0 to 1, at {@code end}
 * @param end of the last busy time, {@link System#nanoTime}
 */
record Load(double mean, long end) {
    private static final double MEMORY = 1e9;

    /** The engine was busy from {@code begin} to {@code end}, and idle before. */
    Load busy(long begin, long end) {
        double before = at(begin);
        return new Load(1 - (1 - before) * Math.exp((begin - end) / MEMORY), end);
    }

    /** The mean at a later time. */
    double at(long now) {
        return mean * Math.exp(Math.min(0, end - now) / MEMORY);
    }
}
