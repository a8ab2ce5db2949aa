package vfio.user.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What this process holds of the kernel: the server and its clients are both in it. */
final class Descriptors {
    /**
     * What the JVM opens by itself: classes, the log, its own files, the source of random numbers, what it asks the
     * kernel; and the directory that is being looked at.
     */
    private static final Pattern NOT_OURS = Pattern.compile(".*\\.(jar|class|log)|/dev/u?random|/(proc|sys)/.*|"
            + Pattern.quote(System.getProperty("java.home")) + "/.*");

    static final String EVENTFD = "anon_inode:[eventfd]";
    static final String SOCKET = "socket";

    private Descriptors() {}

    /** How many descriptors are open, by kind: a number may be used again at once, so numbers prove nothing. */
    static Map<String, Integer> open() {
        Map<String, Integer> kinds = new TreeMap<>();
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            for (Path link : (Iterable<Path>) links::iterator) {
                try {
                    String target = Files.readSymbolicLink(link).toString();
                    if (!NOT_OURS.matcher(target).matches()) {
                        kinds.merge(target.replaceFirst(":\\[\\d+]$", ""), 1, Integer::sum);
                    }
                } catch (NoSuchFileException e) {
                    // Closed since it was listed.
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return kinds;
    }

    /** How many of one kind. */
    static int open(String kind) {
        return open().getOrDefault(kind, 0);
    }

    /** How many mappings there are of memfds of a client. */
    static long mappingsOf(String memfd) {
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            return maps.filter(line -> line.contains("/memfd:" + memfd)).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
