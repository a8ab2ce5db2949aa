package itests.bench;

import itests.vm.RegisterClient;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** A driver is loaded, or updated while a client uses its device. */
record UpdateSubject(Path bundle) implements Subject {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final int LSR = 5;

    @Override
    public String name() {
        return "update";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        Target target = Target.atMost(100, Unit.MILLISECONDS);
        report.add(
                List.of(
                        Figure.alone("hot install of vendor.mtty, first", Unit.MILLISECONDS, target),
                        Figure.alone("hot install of vendor.mtty, repeated", Unit.MILLISECONDS, target)),
                () -> {
                    try (BenchPlatform platform = BenchPlatform.start(bundle)) {
                        List<Double> nanos =
                                BenchPlatform.list(platform.ask("bench:install " + effort.of(20, 2)), "nanos");
                        return List.of(Rounds.alone(nanos.subList(0, 1)), Rounds.alone(nanos.subList(1, nanos.size())));
                    }
                });
        report.add(
                List.of(
                        Figure.alone(
                                "live update of vendor.mtty: the client's pause, first", Unit.MILLISECONDS, target),
                        Figure.alone(
                                "live update of vendor.mtty: the client's pause, repeated", Unit.MILLISECONDS, target)),
                () -> pauses(effort.of(20, 2)));
    }

    private List<Rounds> pauses(int updates) throws Exception {
        try (BenchPlatform platform = BenchPlatform.start(bundle, "vendor.mtty")) {
            platform.run("mdev:create mtty mtty-1 " + UUID);
            List<Double> pauses = new ArrayList<>();
            AtomicLong longest = new AtomicLong();
            AtomicBoolean enough = new AtomicBoolean();
            CompletableFuture<Void> client =
                    CompletableFuture.runAsync(() -> read(platform.platform().socket(UUID), longest, enough));
            for (int i = 0; i < updates; i++) {
                longest.set(0);
                platform.run("mdev:update mtty");
                pauses.add((double) longest.get());
            }
            enough.set(true);
            end(client);
            return List.of(Rounds.alone(pauses.subList(0, 1)), Rounds.alone(pauses.subList(1, updates)));
        }
    }

    private static void end(CompletableFuture<Void> client) throws Exception {
        try {
            client.get(1, TimeUnit.MINUTES);
        } catch (ExecutionException e) {
            throw new IOException("a read failed during an update", e);
        }
    }

    /** Reads a register without a pause, and notes how long it waits. */
    private static void read(Path socket, AtomicLong longest, AtomicBoolean enough) {
        try (RegisterClient client = new RegisterClient(socket)) {
            while (!enough.get()) {
                long start = System.nanoTime();
                client.read(0, LSR, 1);
                longest.accumulateAndGet(System.nanoTime() - start, Math::max);
            }
        } catch (IOException e) {
            throw new CompletionException(e);
        }
    }
}
