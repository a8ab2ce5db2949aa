package mdev.core.shell;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import mdev.core.Module;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.wiring.FrameworkWiring;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The bundles of the framework, and those that could be installed, by the names that people use. */
final class Bundles {
    /** Directories with bundles, separated as in a class path. */
    static final String PATH = "mdev.modules";

    private static final Logger log = LoggerFactory.getLogger(Bundles.class);

    private final BundleContext context;

    Bundles(BundleContext context) {
        this.context = context;
    }

    /** The installed bundle of that symbolic name or module name. */
    Optional<Bundle> installed(String name) {
        return bundles().stream()
                .filter(bundle -> matches(name, bundle.getSymbolicName()))
                .findFirst();
    }

    /** The file on the module path whose bundle has that name. */
    Optional<Path> file(String name) {
        return files().entrySet().stream()
                .filter(entry -> matches(name, entry.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }

    /** The names of what could be loaded, as modules. */
    Collection<String> loadable() {
        TreeSet<String> names = new TreeSet<>();
        files().keySet().forEach(symbolicName -> names.add(Module.nameOf(symbolicName)));
        return names;
    }

    /** The names of everything that is installed, but for the framework itself. */
    Collection<String> names() {
        TreeSet<String> names = new TreeSet<>();
        bundles().forEach(bundle -> names.add(bundle.getSymbolicName()));
        return names;
    }

    /** The symbolic name of a bundle in a file; nothing if there is none. */
    static Optional<String> symbolicName(Path file) {
        try (JarFile jar = new JarFile(file.toFile())) {
            Manifest manifest = jar.getManifest();
            String header =
                    manifest == null ? null : manifest.getMainAttributes().getValue(Constants.BUNDLE_SYMBOLICNAME);
            return Optional.ofNullable(header).map(value -> value.split(";", 2)[0].strip());
        } catch (IOException e) {
            // No warning: those reach the terminal, where the user gets the line of the command.
            log.info("{} is no jar: {}", file, e.toString());
            return Optional.empty();
        }
    }

    /** The bundles that would be restarted if the bundle were updated or removed. */
    List<String> dependents(Bundle bundle) {
        FrameworkWiring wiring =
                context.getBundle(Constants.SYSTEM_BUNDLE_LOCATION).adapt(FrameworkWiring.class);
        return wiring.getDependencyClosure(List.of(bundle)).stream()
                .filter(dependent -> !dependent.equals(bundle))
                .map(Bundle::getSymbolicName)
                .sorted()
                .toList();
    }

    private List<Bundle> bundles() {
        return Arrays.stream(context.getBundles())
                .filter(bundle ->
                        bundle.getBundleId() != Constants.SYSTEM_BUNDLE_ID && bundle.getSymbolicName() != null)
                .toList();
    }

    private Map<String, Path> files() {
        Map<String, Path> found = new TreeMap<>();
        String path = context.getProperty(PATH);
        for (String directory : path == null ? new String[0] : path.split(":")) {
            jars(Path.of(directory))
                    .forEach(file -> symbolicName(file).ifPresent(name -> found.putIfAbsent(name, file)));
        }
        return found;
    }

    private static List<Path> jars(Path directory) {
        List<Path> jars = new ArrayList<>();
        if (Files.isDirectory(directory)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.jar")) {
                files.forEach(jars::add);
            } catch (IOException e) {
                log.warn("{} cannot be listed: {}", directory, e.toString());
            }
        }
        return jars.stream().sorted().toList();
    }

    private static boolean matches(String name, String symbolicName) {
        return name.equals(symbolicName) || name.replace('-', '_').equals(Module.nameOf(symbolicName));
    }
}
