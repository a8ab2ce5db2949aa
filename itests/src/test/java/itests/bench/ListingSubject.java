package itests.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** {@code ls -U} of all devices in the mounted tree, beside links of the same names on a tmpfs. */
record ListingSubject(Path bundle, Path temp) implements Subject {
    private static final String CREATE = "class/mdev_bus/bench0/mdev_supported_types/bench-idle/create";

    @Override
    public String name() {
        return "listing";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        report.add(
                new Figure(
                        "`ls -U` of 10,000 devices in the mounted tree, the whole process, one processor",
                        Unit.MILLISECONDS,
                        "tmpfs",
                        Target.NONE),
                () -> List.of(run(effort.of(21, 1), effort.of(10_000, 10))));
    }

    private Rounds run(int rounds, int devices) throws Exception {
        Placement placement = Placement.oneProcessor();
        Path tree = Files.createTempDirectory(temp, "tree");
        Path memory = Files.createTempDirectory(BenchPlatform.TMPFS, "mdev");
        try (BenchPlatform platform = MountSubject.mounted(placement, bundle, tree)) {
            List<String> uuids = IntStream.range(0, devices)
                    .mapToObj(i -> new UUID(0x115, i).toString())
                    .toList();
            for (String uuid : uuids) {
                Files.writeString(tree.resolve(CREATE), uuid);
                Files.createSymbolicLink(memory.resolve(uuid), Path.of("../../../devices/virtual/bench/bench0", uuid));
            }
            List<Double> mounted = new ArrayList<>();
            List<Double> tmpfs = new ArrayList<>();
            for (int i = 0; i < rounds; i++) {
                mounted.add(list(placement, tree.resolve("bus/mdev/devices")));
                tmpfs.add(list(placement, memory));
            }
            platform.platform().stop();
            return new Rounds(mounted, tmpfs);
        } finally {
            try (Stream<Path> links = Files.list(memory)) {
                for (Path link : links.toList()) {
                    Files.delete(link);
                }
            }
            Files.delete(memory);
        }
    }

    /** The time from the start of the process until its exit. */
    private static double list(Placement placement, Path directory) throws IOException, InterruptedException {
        long start = System.nanoTime();
        Process ls = Placement.on(placement.client(), List.of("ls", "-U", directory.toString()))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        if (ls.waitFor() != 0) {
            throw new AssertionError("ls failed");
        }
        return System.nanoTime() - start;
    }
}
