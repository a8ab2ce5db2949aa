package itests.bench;

import itests.bench.Clients.Servers;
import itests.bench.Clients.Work;
import itests.bench.Programs.Side;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The total rate of clients that read at once, on two processors, beside as many socket echoes. */
record RateSubject(Clients clients) implements Subject {
    private static final List<Integer> CLIENTS = List.of(1, 2, 4, 8, 32);

    @Override
    public String name() {
        return "rate";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        List<Figure> figures = CLIENTS.stream()
                .map(count -> new Figure(
                        "REGION_READ of " + count + (count == 1 ? " client" : " clients at once") + ", total rate",
                        Unit.PER_SECOND,
                        "socket echoes in C",
                        Target.ratioAtLeast(0.9)))
                .toList();
        report.add(figures, () -> {
            try (Servers servers = clients.start(Placement::twoProcessors, CLIENTS.getLast())) {
                List<Rounds> all = new ArrayList<>();
                for (int count : CLIENTS) {
                    all.add(servers.run(Work.READ, count, effort).rounds(Side::rate));
                }
                return all;
            }
        });
    }
}
