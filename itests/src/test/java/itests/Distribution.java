package itests;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The output of {@code cnf}.
 *
 * @param bundles the locations of the bundles of {@code mdev.jar}, in the start order of bnd's launcher
 * @param frameworkProperties the {@code -runproperties}
 */
record Distribution(List<URI> bundles, Map<String, String> frameworkProperties) {
    private static final Path TARGET =
            Path.of("..", "cnf", "target").toAbsolutePath().normalize();
    static final Path MODULES = TARGET.resolve("modules");

    static Distribution read() throws IOException {
        Path jar = TARGET.resolve("mdev.jar");
        Properties launcher = new Properties();
        try (JarFile file = new JarFile(jar.toFile());
                InputStream in = file.getInputStream(file.getEntry("launcher.properties"))) {
            launcher.load(in);
        }
        List<URI> bundles = Stream.of(launcher.getProperty("launch.bundles").split(","))
                .map(path -> URI.create("jar:" + jar.toUri() + "!/" + path))
                .toList();
        Map<String, String> frameworkProperties = launcher.stringPropertyNames().stream()
                .filter(name -> !name.startsWith("launch."))
                .collect(Collectors.toMap(name -> name, launcher::getProperty));
        return new Distribution(bundles, frameworkProperties);
    }
}
