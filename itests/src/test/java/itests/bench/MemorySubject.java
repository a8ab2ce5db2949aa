package itests.bench;

import itests.vm.RegisterClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The resident memory of an idle platform, and what a client adds to it. */
record MemorySubject(Path bundle) implements Subject {
    private static final double KIB = 1024;

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        report.add(
                List.of(
                        Figure.alone("idle platform, resident", Unit.MEGABYTES, Target.atMost(110, Unit.MEGABYTES)),
                        Figure.alone(
                                "per connected client, resident", Unit.KIBIBYTES, Target.atMost(200, Unit.KIBIBYTES))),
                () -> {
                    List<Double> idle = new ArrayList<>();
                    List<Double> each = new ArrayList<>();
                    for (int round = 0; round < effort.of(5, 1); round++) {
                        round(effort.of(64, 4), idle, each);
                    }
                    return List.of(Rounds.alone(idle), Rounds.alone(each));
                });
    }

    private void round(int clients, List<Double> idle, List<Double> each) throws IOException, InterruptedException {
        try (BenchPlatform platform = BenchPlatform.plain()) {
            idle.add(resident(platform));
        }
        try (BenchPlatform platform = BenchPlatform.start(bundle)) {
            List<Path> sockets = platform.devices(2 * clients);
            List<RegisterClient> connected = new ArrayList<>();
            try {
                // The first ones load classes.
                connect(sockets.subList(0, clients), connected);
                double before = resident(platform);
                connect(sockets.subList(clients, 2 * clients), connected);
                each.add((resident(platform) - before) / clients);
            } finally {
                for (RegisterClient client : connected) {
                    client.close();
                }
            }
        }
    }

    private static void connect(List<Path> sockets, List<RegisterClient> connected) throws IOException {
        for (Path socket : sockets) {
            RegisterClient client = new RegisterClient(socket);
            connected.add(client);
            client.read(0, 0, 4);
        }
    }

    private static double resident(BenchPlatform platform) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + platform.platform().pid() + "/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) * KIB)
                .findFirst()
                .orElseThrow();
    }
}
