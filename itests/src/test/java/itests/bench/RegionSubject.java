package itests.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A read of a register by a user in the platform's process. */
record RegionSubject(Path bundle) implements Subject {
    @Override
    public String name() {
        return "region";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        int reads = effort.of(2_000_000, 1_000);
        report.add(
                List.of(
                        new Figure(
                                "region read in process",
                                Unit.NANOSECONDS,
                                "call of an interface on an array",
                                Target.atMost(50, Unit.NANOSECONDS)),
                        Figure.alone("its allocations", Unit.BYTES, Target.atMost(0, Unit.BYTES))),
                () -> {
                    try (BenchPlatform platform = BenchPlatform.start(bundle)) {
                        JsonNode answer = platform.ask("bench:region " + effort.rounds() + " " + reads);
                        return List.of(
                                BenchPlatform.rounds(answer, "ours", "beside").map(nanos -> nanos / reads),
                                Rounds.alone(BenchPlatform.list(answer, "bytes")));
                    }
                });
    }
}
