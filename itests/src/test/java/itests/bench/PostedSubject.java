package itests.bench;

import itests.bench.Clients.Servers;
import itests.bench.Clients.Work;
import itests.bench.Programs.Side;
import java.io.IOException;
import java.util.List;

/** Writes without a reply, one after the other, beside a stream of equal messages in one direction. */
record PostedSubject(Clients clients) implements Subject {
    @Override
    public String name() {
        return "posted";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        report.add(
                new Figure(
                        "posted REGION_WRITE of 4 bytes",
                        Unit.PER_SECOND,
                        "one-way stream in C",
                        Target.ratioAtLeast(0.8)),
                () -> {
                    try (Servers servers = clients.start(Placement::apart, 1)) {
                        return List.of(servers.run(Work.POST, 1, effort).rounds(Side::rate));
                    }
                });
    }
}
