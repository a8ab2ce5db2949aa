package itests.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A device's reads of guest memory, and their look-ups of addresses. */
record DmaSubject(Path bundle) implements Subject {
    private static final double SECOND = 1e9;
    private static final int MAPPINGS = 65_535;

    @Override
    public String name() {
        return "dma";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        int times = effort.of(1_000_000, 100);
        report.add(
                List.of(
                        copy("4 KiB"),
                        copy("1 MiB"),
                        new Figure(
                                "look-up of an address among 65,535 mappings, with a copy of 8 bytes",
                                Unit.NANOSECONDS,
                                "among 10",
                                Target.ratioAtMost(3))),
                () -> {
                    try (BenchPlatform platform = BenchPlatform.start(bundle)) {
                        return List.of(
                                rate(platform, effort, 4 << 10, effort.of(200_000, 100)),
                                rate(platform, effort, 1 << 20, effort.of(1_000, 10)),
                                ask(platform, "bench:iova %d %d %d".formatted(effort.rounds(), times, MAPPINGS))
                                        .map(nanos -> nanos / times));
                    }
                });
    }

    private static Figure copy(String size) {
        return new Figure(
                "DMA of " + size + " from guest memory",
                Unit.GIGABYTES_PER_SECOND,
                "MemorySegment.copy",
                Target.ratioAtLeast(0.95));
    }

    private static Rounds rate(BenchPlatform platform, Effort effort, int size, int times)
            throws IOException, InterruptedException {
        return ask(platform, "bench:dma %d %d %d".formatted(effort.rounds(), times, size))
                .map(nanos -> SECOND * size * times / nanos);
    }

    private static Rounds ask(BenchPlatform platform, String command) throws IOException, InterruptedException {
        return BenchPlatform.rounds(platform.ask(command), "ours", "beside");
    }
}
