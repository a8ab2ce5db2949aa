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

/** The kernel resources of this process, which contains the server and its clients. */
final class Descriptors {
    /**
     * Files opened by the JVM itself: classes, the log, its own files, the random source, kernel interfaces; and the
     * listed directory.
     */
    private static final Pattern NOT_OURS = Pattern.compile(".*\\.(jar|class|log)|/dev/u?random|/(proc|sys)/.*|"
            + Pattern.quote(System.getProperty("java.home")) + "/.*");

    static final String EVENTFD = "anon_inode:[eventfd]";
    static final String SOCKET = "socket";

    private Descriptors() {}

    /** The number of open descriptors by kind. Descriptor numbers prove nothing, because they may be reused at once. */
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
                    // Closed after it was listed.
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return kinds;
    }

    /** The number of descriptors of one kind. */
    static int open(String kind) {
        return open().getOrDefault(kind, 0);
    }

    /** The number of mappings of clients' memfds. */
    static long mappingsOf(String memfd) {
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            return maps.filter(line -> line.contains("/memfd:" + memfd)).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
