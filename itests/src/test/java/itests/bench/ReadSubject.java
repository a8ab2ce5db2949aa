package itests.bench;

import itests.bench.Clients.Place;
import itests.bench.Clients.Servers;
import itests.bench.Clients.Work;
import itests.bench.Programs.Alternation;
import itests.bench.Programs.Side;
import java.io.IOException;
import java.util.List;

/** A blocking REGION_READ of 4 bytes, beside an exchange of equal sizes over a socket. */
record ReadSubject(Clients clients) implements Subject {
    private static final String BESIDE = "socket echo in C";

    @Override
    public String name() {
        return "read";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        measure(report, effort, "one processor", Placement::oneProcessor);
        measure(report, effort, "two processors", Placement::apart);
    }

    private void measure(Report report, Effort effort, String where, Place place)
            throws IOException, InterruptedException {
        String name = "REGION_READ of 4 bytes, " + where + ", ";
        report.add(
                List.of(
                        new Figure(name + "p50", Unit.MICROSECONDS, BESIDE, Target.ratioAtMost(1.10)),
                        new Figure(name + "p99", Unit.MICROSECONDS, BESIDE, Target.ratioAtMost(1.3))),
                () -> {
                    try (Servers servers = clients.start(place, 1)) {
                        Alternation run = servers.run(Work.READ, 1, effort);
                        return List.of(run.rounds(Side::median), run.rounds(Side::p99));
                    }
                });
    }
}
