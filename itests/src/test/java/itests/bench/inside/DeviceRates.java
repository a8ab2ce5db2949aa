package itests.bench.inside;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import mdev.api.errno.ErrnoException;

/** Creates and removes with no other device and with many devices present, in turn, and the heap that each takes. */
record DeviceRates(Tree tree) implements Measurement {
    private static final int BLOCKS = 7;
    private static final int COLLECTIONS = 4;

    /** @param arguments rounds, pairs of a create and a remove in a block, devices */
    @Override
    public Map<String, List<Double>> run(List<Integer> arguments) throws ErrnoException {
        int pairs = arguments.get(1);
        int devices = arguments.get(2);
        List<Double> few = new ArrayList<>();
        List<Double> many = new ArrayList<>();
        List<Double> bytes = new ArrayList<>();
        // The compiler recompiles when many devices lead to other branches.
        for (int round = -WARM_UP; round < arguments.getFirst(); round++) {
            heap(); // both rates begin with a freshly collected heap
            double without = rate(pairs);
            long before = heap();
            List<String> present = new ArrayList<>();
            for (int i = 0; i < devices; i++) {
                present.add(tree.createIdle());
            }
            double each = (double) (heap() - before) / devices;
            double with = rate(pairs);
            for (String uuid : present) {
                tree.remove(uuid);
            }
            if (round >= 0) {
                few.add(without);
                many.add(with);
                bytes.add(each);
            }
        }
        return Map.of("few", few, "many", many, "bytes", bytes);
    }

    /**
     * Pairs of a create and a remove per second: the median of several blocks, which is robust against short
     * disturbances.
     */
    private double rate(int pairs) throws ErrnoException {
        List<Double> rates = new ArrayList<>();
        for (int block = 0; block < BLOCKS; block++) {
            long start = System.nanoTime();
            for (int i = 0; i < pairs; i++) {
                tree.remove(tree.createIdle());
            }
            rates.add(pairs * SECOND / (System.nanoTime() - start));
        }
        Collections.sort(rates);
        return rates.get(BLOCKS / 2);
    }

    /**
     * The referenced memory: a second full collection may be needed to free objects released by finalizers and
     * cleaners.
     */
    private static long heap() {
        Runtime runtime = Runtime.getRuntime();
        long used = Long.MAX_VALUE;
        for (int i = 0; i < COLLECTIONS; i++) {
            System.gc();
            used = Math.min(used, runtime.totalMemory() - runtime.freeMemory());
        }
        return used;
    }
}
