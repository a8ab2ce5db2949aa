package itests.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Devices that are created and removed through the tree, each with its uevents, IOMMU group, bus driver and socket.
 * The platform has one processor: in a virtual machine, waking another one takes longer than a pair, and the time is
 * random.
 */
record DevicesSubject(Path bundle) implements Subject {
    private static final int DEVICES = 10_000;
    private static final int PAIRS = 2_000;

    @Override
    public String name() {
        return "devices";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        report.add(
                List.of(
                        Figure.alone(
                                "create + remove, no other device",
                                Unit.PER_SECOND,
                                Target.atLeast(20_000, Unit.PER_SECOND)),
                        new Figure(
                                "create + remove, 10,000 devices present",
                                Unit.PER_SECOND,
                                "none present",
                                Target.ratioAtLeast(0.8)),
                        Figure.alone("heap per idle device", Unit.BYTES, Target.atMost(4096, Unit.BYTES))),
                () -> {
                    try (BenchPlatform platform = BenchPlatform.start(Placement.oneProcessor(), bundle)) {
                        JsonNode answer = platform.ask("bench:devices %d %d %d"
                                .formatted(effort.of(7, 1), effort.of(PAIRS, 10), effort.of(DEVICES, 100)));
                        return List.of(
                                Rounds.alone(BenchPlatform.list(answer, "few")),
                                BenchPlatform.rounds(answer, "many", "few"),
                                Rounds.alone(BenchPlatform.list(answer, "bytes")));
                    }
                });
    }
}
