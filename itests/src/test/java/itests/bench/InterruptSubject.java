package itests.bench;

import itests.bench.Clients.Servers;
import itests.bench.Clients.Work;
import itests.bench.Programs.Side;
import java.io.IOException;
import java.util.List;

/** From the vendor's interrupt until another process, which waits for it, runs. */
record InterruptSubject(Clients clients) implements Subject {
    @Override
    public String name() {
        return "interrupt";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        report.add(
                new Figure(
                        "interrupt: raised, until another process is woken, p50",
                        Unit.MICROSECONDS,
                        "write of an eventfd in C",
                        Target.ratioAtMost(1.2)),
                () -> {
                    try (Servers servers = clients.start(Placement::apart, 1)) {
                        return List.of(servers.run(Work.WAKE, 1, effort).rounds(Side::median));
                    }
                });
    }
}
