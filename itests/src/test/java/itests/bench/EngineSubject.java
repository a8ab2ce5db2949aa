package itests.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The engine of {@code vendor.gpu-sim}. */
record EngineSubject(Path bundle) implements Subject {
    private static final double SECOND = 1e9;
    private static final double SCREEN = 1920 * 1080 * 4;

    @Override
    public String name() {
        return "engine";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        int commands = effort.of(200_000, 500);
        int screens = effort.of(20, 2);
        report.add(
                List.of(
                        new Figure(
                                "GPU engine: commands, a doorbell each",
                                Unit.MILLIONS_PER_SECOND,
                                "numbers handed to a thread",
                                Target.ratioAtLeast(0.5)),
                        new Figure(
                                "GPU engine: copy of 1920x1080 pixels",
                                Unit.GIGABYTES_PER_SECOND,
                                "copy of memory",
                                Target.ratioAtLeast(0.9)),
                        Figure.alone(
                                "GPU engine: largest deviation from an equal share, 4 busy vGPUs",
                                Unit.PERCENT,
                                Target.NONE)),
                () -> {
                    try (BenchPlatform platform = BenchPlatform.start(bundle, "vendor.gpu-sim")) {
                        JsonNode answer =
                                platform.ask("bench:engine %d %d %d".formatted(effort.rounds(), commands, screens));
                        JsonNode shares =
                                platform.ask("bench:share %d %d".formatted(effort.of(3, 1), effort.of(3000, 500)));
                        return List.of(
                                BenchPlatform.rounds(answer, "commands-ours", "commands-beside")
                                        .map(nanos -> SECOND * commands / nanos),
                                BenchPlatform.rounds(answer, "copy-ours", "copy-beside")
                                        .map(nanos -> SECOND * SCREEN * screens / nanos),
                                Rounds.alone(BenchPlatform.list(shares, "percent")));
                    }
                });
    }
}
