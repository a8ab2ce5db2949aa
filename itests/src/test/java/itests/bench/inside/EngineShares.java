package itests.bench.inside;

import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Vfio;

/**
 * Four vGPUs of {@code vendor.gpu-sim} with permanent work, of different length for each; one thread keeps all rings
 * full. Under {@code equal_share} each gets a quarter of the engine.
 */
record EngineShares(Vfio vfio, Tree tree) implements Measurement {
    private static final String POLICY = "/sys/class/mdev_bus/gpu0/gpu/scheduler_policy";
    private static final int GUESTS = 4;
    private static final int BLEND = 4;
    private static final long PAUSE = 100_000;

    /** @param arguments rounds, milliseconds of a round */
    @Override
    public Map<String, List<Double>> run(List<Integer> arguments) throws ErrnoException {
        tree.write(POLICY, "equal_share");
        List<Double> percent = new ArrayList<>();
        for (int round = 0; round < arguments.getFirst(); round++) {
            percent.add(100 * deviation(arguments.get(1) * 1_000_000L));
        }
        return Map.of("percent", percent);
    }

    /** The largest deviation from the mean, as a part of it. */
    private double deviation(long nanos) throws ErrnoException {
        List<String> uuids = new ArrayList<>();
        List<User> users = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            List<RingDriver> drivers = new ArrayList<>();
            for (int i = 0; i < GUESTS; i++) {
                uuids.add(tree.create(EngineRing.TYPE));
                users.add(User.open(vfio, tree, uuids.getLast()));
                drivers.add(new RingDriver(users.getLast(), arena));
            }
            long end = System.nanoTime() + nanos;
            while (System.nanoTime() < end) {
                for (int i = 0; i < GUESTS; i++) {
                    int size = EngineRing.WIDTH | (EngineRing.HEIGHT - 200 * i) << 16;
                    while (drivers.get(i).hasRoom()) {
                        drivers.get(i)
                                .submit(
                                        BLEND,
                                        200,
                                        size,
                                        EngineRing.STRIDE,
                                        0,
                                        0,
                                        0,
                                        EngineRing.STRIDE,
                                        EngineRing.HALF);
                    }
                }
                LockSupport.parkNanos(PAUSE);
            }
            List<Long> busy = new ArrayList<>();
            for (String uuid : uuids) {
                byte[] content = tree.file("/sys/bus/mdev/devices/" + uuid + "/engine/busy_ns")
                        .read();
                busy.add(Long.valueOf(new String(content, StandardCharsets.US_ASCII).strip()));
            }
            double mean = busy.stream().mapToLong(Long::longValue).average().orElseThrow();
            return busy.stream()
                            .mapToDouble(time -> Math.abs(time - mean))
                            .max()
                            .orElseThrow()
                    / mean;
        } finally {
            for (User user : users) {
                user.close();
            }
        }
    }
}
