package mdev.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/** After a test, the process has the same open descriptors as before, and no mapping of our memfds. */
final class NoLeaks implements BeforeEachCallback, AfterEachCallback {
    /**
     * Files that the JVM itself opens: classes, the log, its own files, the source of random numbers and files of the
     * kernel; and the directory that is being listed.
     */
    private static final Pattern NOT_OURS = Pattern.compile(".*\\.(jar|class|log)|/dev/u?random|/(proc|sys)/.*|"
            + Pattern.quote(System.getProperty("java.home")) + "/.*");

    private static final Namespace NAMESPACE = Namespace.create(NoLeaks.class);

    @Override
    public void beforeEach(ExtensionContext context) throws IOException {
        context.getStore(NAMESPACE).put("fds", openFds());
    }

    @Override
    public void afterEach(ExtensionContext context) throws IOException {
        assertEquals(context.getStore(NAMESPACE).get("fds"), openFds(), "open descriptors");
        assertEquals(0, mappingsOf("mdev-test"), "mappings");
    }

    /** The number and target of each descriptor. */
    static Set<String> openFds() throws IOException {
        Set<String> fds = new TreeSet<>();
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            for (Path link : (Iterable<Path>) links::iterator) {
                try {
                    String target = Files.readSymbolicLink(link).toString();
                    if (!NOT_OURS.matcher(target).matches()) {
                        fds.add(link.getFileName() + " " + target);
                    }
                } catch (NoSuchFileException e) {
                    // Closed after it was listed.
                }
            }
        }
        return fds;
    }

    /** The number of mappings of memfds with this name. */
    static long mappingsOf(String memfd) throws IOException {
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            return maps.filter(line -> line.contains("/memfd:" + memfd)).count();
        }
    }
}
