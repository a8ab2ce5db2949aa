package mdev.fuse;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import mdev.api.sysfs.SysfsFile;
import org.junit.jupiter.api.Test;

/**
 * The time of {@code ls -U} for 10,000 devices, compared with the same names on a tmpfs. Not part of {@code verify};
 * run by {@code cnf/bench tree}.
 */
final class ListingBench {
    private static final int DEVICES = 10_000;
    private static final int ROUNDS = 21;
    private static final String CREATE = "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create";

    @Test
    void measure() throws Exception {
        Path memory = Files.createTempDirectory(Path.of("/dev/shm"), "mdev");
        try (MountedTree tree = new MountedTree(DEVICES)) {
            SysfsFile create = (SysfsFile) tree.core.sysfs().lookup(CREATE, true);
            for (int i = 0; i < DEVICES; i++) {
                String uuid = new UUID(0, i).toString();
                create.write(uuid.getBytes(ISO_8859_1));
                Files.createSymbolicLink(memory.resolve(uuid), Path.of("../../../devices/virtual/mtty/mtty", uuid));
            }
            List<Double> mounted = new ArrayList<>();
            List<Double> tmpfs = new ArrayList<>();
            for (int i = 0; i < ROUNDS; i++) {
                mounted.add(milliseconds(tree.directory.resolve("bus/mdev/devices")));
                tmpfs.add(milliseconds(memory));
            }
            mounted.sort(Comparator.naturalOrder());
            tmpfs.sort(Comparator.naturalOrder());
            System.out.printf(
                    "ls -U of %,d devices: median %.1f ms (%.1f to %.1f); tmpfs: %.1f ms (%.1f to %.1f)%n",
                    DEVICES,
                    mounted.get(ROUNDS / 2),
                    mounted.getFirst(),
                    mounted.getLast(),
                    tmpfs.get(ROUNDS / 2),
                    tmpfs.getFirst(),
                    tmpfs.getLast());
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
    private static double milliseconds(Path directory) throws Exception {
        long start = System.nanoTime();
        Process ls = new ProcessBuilder("ls", "-U", directory.toString())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        if (ls.waitFor() != 0) {
            throw new AssertionError("ls failed");
        }
        return (System.nanoTime() - start) / 1e6;
    }
}
