package itests.bench;

import itests.bench.Clients.Place;
import itests.bench.Programs.Side;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Calls for an attribute of the mounted tree, beside those for the only file of a libfuse program. */
record MountSubject(Programs programs, Path bundle, Path temp) implements Subject {
    private static final String BESIDE = "libfuse 3 in C";

    /** As users and mdevctl name it, through the link of the class. */
    private static final String PARENT = "class/mdev_bus/bench0/";

    private enum Call {
        READ("open + read + close of an attribute", "mdev_supported_types/bench-card/available_instances"),
        STAT("stat of an attribute", "mdev_supported_types/bench-card/available_instances"),
        WRITE("open + write + close of an attribute", "bench/value");

        private final String text;
        private final String attribute;

        Call(String text, String attribute) {
            this.text = text;
            this.attribute = PARENT + attribute;
        }
    }

    @Override
    public String name() {
        return "mount";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        measure(report, effort, "one processor", Placement::oneProcessor);
        measure(report, effort, "two processors", Placement::apart);
    }

    /** A platform with its tree in a directory. */
    static BenchPlatform mounted(Placement placement, Path bundle, Path tree) throws Exception {
        requireFuse();
        BenchPlatform platform = BenchPlatform.mount(placement, bundle, tree);
        if (!Files.exists(tree.resolve(PARENT))) {
            platform.close();
            throw new Unavailable("the tree cannot be mounted here");
        }
        return platform;
    }

    private static void requireFuse() throws Unavailable {
        if (!Files.isWritable(Path.of("/dev/fuse"))) {
            throw new Unavailable("no /dev/fuse here");
        }
    }

    private void measure(Report report, Effort effort, String where, Place place)
            throws IOException, InterruptedException {
        List<Figure> figures = List.of(Call.values()).stream()
                .map(call -> new Figure(call.text + ", " + where, Unit.MICROSECONDS, BESIDE, Target.ratioAtMost(1.05)))
                .toList();
        report.add(figures, () -> {
            String files = programs.path("files");
            String onefile = programs.path("onefile", "fuse3");
            requireFuse();
            Placement placement = place.get();
            Path tree = Files.createTempDirectory(temp, "tree");
            Path other = Files.createTempDirectory(temp, "libfuse");
            Process libfuse = Programs.serve(placement.server(), onefile, other.toString());
            try (BenchPlatform platform = mounted(placement, bundle, tree)) {
                List<Rounds> all = new ArrayList<>();
                for (Call call : Call.values()) {
                    all.add(Programs.alternate(
                                    placement.client(),
                                    effort.warmUp(),
                                    List.of(
                                            files,
                                            call.name().toLowerCase(Locale.ROOT),
                                            Integer.toString(effort.warmUp() + effort.rounds()),
                                            Integer.toString(effort.millis()),
                                            tree.resolve(call.attribute).toString(),
                                            other.resolve("value").toString()))
                            .rounds(Side::median));
                }
                platform.platform().stop();
                return all;
            } finally {
                libfuse.destroy(); // SIGTERM, on which it unmounts
                libfuse.waitFor();
            }
        });
    }
}
