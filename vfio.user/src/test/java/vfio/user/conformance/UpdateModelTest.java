package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import mdev.sync.Deadline;
import org.junit.jupiter.api.Test;
import vfio.mdev.CorePlatform;
import vfio.user.VfioUser;

/**
 * Random updates, removals, creations, binds, connects and disconnects together, against a model: whatever an update
 * does, and however it fails, each device has the state that its model has, and its user sees nothing but a delay.
 */
final class UpdateModelTest {
    /** Longer in CI. */
    private static final Duration RUN =
            Duration.ofSeconds(Long.parseLong(System.getenv().getOrDefault("MDEV_STRESS_SECONDS", "3")));

    private static final int BUNDLES = 2;
    private static final int OWNERS = 4;
    private static final int DEVICES = 3;

    private final Queue<String> violations = new ConcurrentLinkedQueue<>();
    private final Deadline end = Deadline.in(RUN);
    private volatile boolean failed;

    private interface Step {
        void run(Random random) throws Exception;
    }

    /** Repeats a step until the end. */
    private Future<?> repeat(ExecutorService threads, String what, Step step) {
        long seed = System.nanoTime();
        return threads.submit(() -> {
            Random random = new Random(seed);
            while (end.remainingNanos() > 0 && !failed) {
                try {
                    step.run(random);
                    assertEquals(List.of(), List.copyOf(violations));
                } catch (Throwable t) {
                    failed = true;
                    throw new AssertionError(what + ", seed " + seed, t);
                }
            }
        });
    }

    @Test
    void nothingIsLostByUpdates() throws Exception {
        Map<String, Integer> before = Descriptors.open();
        Path home = Files.createTempDirectory("vfu");
        ReadWriteLock limits = new ReentrantReadWriteLock();
        List<TallyBundle> bundles = new ArrayList<>();
        try (CorePlatform platform = new CorePlatform()) {
            VfioUser server = new VfioUser(home.resolve("vfio-user"), Rig.PATIENT);
            server.clear();
            platform.vfio.addListener(server);
            for (int i = 0; i < BUNDLES; i++) {
                bundles.add(new TallyBundle(platform, i, violations, limits));
            }
            List<List<ModelDevice>> owned = new ArrayList<>();
            for (int i = 0; i < OWNERS; i++) {
                List<ModelDevice> devices = new ArrayList<>();
                for (int j = 0; j < DEVICES; j++) {
                    devices.add(new ModelDevice(
                            platform, home.resolve("vfio-user"), bundles.get(j % BUNDLES), new UUID(i + 1, j)));
                }
                owned.add(devices);
            }
            run(bundles, owned);

            for (ModelDevice device : owned.stream().flatMap(List::stream).toList()) {
                device.check();
                device.close();
                device.end();
            }
            assertEquals(List.of(), List.copyOf(platform.core.devices()));
            bundles.forEach(TallyBundle::stop);
            platform.vfio.removeListener(server);
            server.close();
        }
        assertEquals(List.of(), List.copyOf(violations));
        for (TallyBundle bundle : bundles) {
            assertEquals(List.of(), bundle.objects());
            assertTrue(bundle.replaced.get() > 0 && bundle.rolledBack.get() > 0, bundle::toString);
        }
        Files.delete(home);
        Rig.await("open descriptors", before, Descriptors::open);
        Rig.await("mappings of users' memory", 0L, () -> Descriptors.mappingsOf("tally"));
    }

    private void run(List<TallyBundle> bundles, List<List<ModelDevice>> owned) throws Exception {
        List<ModelDevice> all = owned.stream().flatMap(List::stream).toList();
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            for (TallyBundle bundle : bundles) {
                running.add(repeat(threads, "an update", bundle::update));
            }
            for (List<ModelDevice> devices : owned) {
                running.add(repeat(
                        threads,
                        "an operation",
                        random -> devices.get(random.nextInt(devices.size())).step(random)));
            }
            running.add(repeat(
                    threads,
                    "an observation",
                    random -> all.get(random.nextInt(all.size())).observe()));
        }
        AssertionError first = null;
        for (Future<?> one : running) {
            try {
                one.get();
            } catch (ExecutionException e) {
                if (first == null) {
                    first = new AssertionError(e.getCause());
                } else {
                    first.addSuppressed(e.getCause());
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
