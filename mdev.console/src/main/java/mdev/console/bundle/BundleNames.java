package mdev.console.bundle;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.Enumeration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import mdev.api.LoadedModule;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds installed and installable bundles by the user's words: id, symbolic name, module name, path or URL.
 *
 * @param left the versions that an update has left behind; found only by their id
 */
record BundleNames(BundleContext context, Predicate<Bundle> left) {
    /** A framework property: directories with bundles, separated as in a class path. */
    static final String PATH = "mdev.modules";

    private static final Logger LOG = LoggerFactory.getLogger(BundleNames.class);
    private static final String FILE = "file:";

    BundleNames(BundleContext context) {
        this(context, _ -> false);
    }

    /** An installed bundle. If several share a symbolic name, the highest version is returned. */
    Optional<Bundle> find(String word, Path directory) {
        if (isId(word)) {
            return Optional.ofNullable(context.getBundle(Long.parseLong(word)));
        }
        return named(word).or(() -> locate(word, directory).flatMap(this::at));
    }

    /** An installed bundle by its symbolic name or its module name. */
    private Optional<Bundle> named(String word) {
        return Arrays.stream(context.getBundles())
                .filter(bundle -> matches(word, bundle.getSymbolicName()) && !left.test(bundle))
                .max(Comparator.comparing(Bundle::getVersion));
    }

    private Optional<Bundle> at(String location) {
        return Arrays.stream(context.getBundles())
                .filter(bundle -> normal(bundle.getLocation()).equals(location) && !left.test(bundle))
                .findFirst();
    }

    /** As {@link #find}, also by a jar with the same symbolic name, installed from elsewhere or updated from it. */
    Optional<Bundle> findAny(String word, Path directory) {
        return find(word, directory)
                .or(() -> locate(word, directory)
                        .filter(location -> location.startsWith(FILE))
                        .flatMap(BundleNames::symbolicName)
                        .flatMap(this::named));
    }

    private static Optional<String> symbolicName(String location) {
        try {
            return symbolicName(Path.of(new URI(location)));
        } catch (URISyntaxException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    Bundle get(String word, Path directory) throws ErrnoException {
        return findAny(word, directory)
                .orElseThrow(() -> new ErrnoException(
                        Errno.ENOENT, "no bundle '" + word + "': its id or symbolic name, as 'lb -s' lists them"));
    }

    static boolean isId(String word) {
        return word.matches("\\d{1,18}");
    }

    private static boolean matches(String word, @Nullable String symbolicName) {
        return symbolicName != null
                && (word.equals(symbolicName) || word.replace('-', '_').equals(LoadedModule.nameOf(symbolicName)));
    }

    private static boolean isUrl(String word) {
        return word.matches("[^/]{2,}:.*");
    }

    /** Normalizes a location: {@code file:/x} and {@code file:///x} are equal. */
    static String normal(String location) {
        return location.replaceFirst("^file:/+", "file:///").replaceFirst("#\\d+$", "");
    }

    /** The URL for a word in the form of a URL or a path; empty for a plain name. */
    private static Optional<String> locate(String word, Path directory) {
        if (isUrl(word) && !word.matches(FILE + "[^/].*")) {
            return Optional.of(normal(word));
        }
        if (!isUrl(word) && !word.contains("/") && !word.endsWith(".jar")) {
            return Optional.empty();
        }
        try {
            // Absolute: the platform may run in another directory than its user.
            return Optional.of(url(directory.resolve(word.replaceFirst("^" + FILE, ""))));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    private static String url(Path file) {
        return file.toAbsolutePath().normalize().toUri().toString();
    }

    /**
     * The URL to install a bundle from.
     *
     * @param word a URL, the path of a file, or a name on the module path
     * @return empty for a name that is not on the module path
     * @throws ErrnoException the word is not a valid URL, or the path does not name a bundle
     */
    Optional<String> location(String word, Path directory) throws ErrnoException {
        Optional<String> location = locate(word, directory);
        if (location.isEmpty()) {
            return files().entrySet().stream()
                    .filter(entry -> matches(word, entry.getKey()))
                    .map(entry -> url(entry.getValue()))
                    .findFirst();
        }
        try {
            URI uri = new URI(location.get());
            if (uri.getScheme().startsWith("http") && uri.getHost() == null) {
                throw new URISyntaxException(word, "it names no host");
            }
            if (!isUrl(word)) {
                checkFile(word, Path.of(uri));
            }
            return location;
        } catch (URISyntaxException e) {
            throw new ErrnoException(Errno.EINVAL, "'" + word + "' is not a URL: " + e.getReason());
        }
    }

    /** The file that a bundle was installed from; empty if it came from elsewhere. */
    static Optional<Path> file(String location) {
        try {
            return location.startsWith(FILE) ? Optional.of(Path.of(URI.create(normal(location)))) : Optional.empty();
        } catch (IllegalArgumentException e) { // not an absolute path
            return Optional.empty();
        }
    }

    private static void checkFile(String word, Path file) throws ErrnoException {
        if (!Files.isRegularFile(file)) {
            throw new ErrnoException(Errno.ENOENT, "no file " + word);
        }
        if (symbolicName(file).isEmpty()) {
            throw new ErrnoException(Errno.EINVAL, word + " is not a bundle");
        }
    }

    /** The names of the loadable modules: those on the module path, and stopped ones that came with the platform. */
    Collection<String> loadable() {
        TreeSet<String> names = new TreeSet<>();
        files().keySet().forEach(name -> names.add(LoadedModule.nameOf(name)));
        for (Bundle bundle : context.getBundles()) {
            if (isBuiltIn(bundle) && !isStarted(bundle)) {
                names.add(LoadedModule.nameOf(bundle.getSymbolicName()));
            }
        }
        return names;
    }

    /** Whether the bundle came with the platform: its location is no URL, so it cannot be installed again. */
    static boolean isBuiltIn(Bundle bundle) {
        return !bundle.getLocation().contains(":");
    }

    static boolean isStarted(Bundle bundle) {
        return (bundle.getState() & (Bundle.STARTING | Bundle.ACTIVE)) != 0;
    }

    private Map<String, Path> files() {
        Map<String, Path> found = new TreeMap<>();
        String path = context.getProperty(PATH);
        for (String directory : path == null ? new String[0] : path.split(":")) {
            list(Path.of(directory), "*.jar")
                    .forEach(file -> symbolicName(file).ifPresent(name -> found.putIfAbsent(name, file)));
        }
        return found;
    }

    static List<Path> list(Path directory, String glob) {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, glob)) {
            files.forEach(entries::add);
        } catch (IOException | DirectoryIteratorException e) {
            LOG.info("{} cannot be listed: {}", directory, e.toString());
        }
        entries.sort(null);
        return entries;
    }

    /** The identity of a bundle from its manifest. */
    record Identity(String name, String version) {}

    /**
     * @throws IOException the file is not a jar
     * @throws ErrnoException the jar is not a bundle
     */
    static Identity identity(Path file) throws IOException, ErrnoException {
        try (JarFile jar = new JarFile(file.toFile())) {
            Manifest manifest = jar.getManifest();
            Attributes headers = manifest == null ? new Attributes() : manifest.getMainAttributes();
            String name = headers.getValue(Constants.BUNDLE_SYMBOLICNAME);
            if (name == null) {
                throw new ErrnoException(Errno.EINVAL, "not a bundle: its manifest has no Bundle-SymbolicName");
            }
            String version = headers.getValue(Constants.BUNDLE_VERSION);
            return new Identity(name.split(";", 2)[0].strip(), version == null ? "0.0.0" : version.strip());
        }
    }

    /** @throws IOException a part of the jar is damaged */
    static void checkWhole(Path file) throws IOException {
        try (JarFile jar = new JarFile(file.toFile())) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                read(jar, entry);
            }
        }
    }

    /** Reads an entry and checks its CRC, which {@link ZipFile} does not. */
    private static byte[] read(JarFile jar, JarEntry entry) throws IOException {
        byte[] bytes;
        try (InputStream content = jar.getInputStream(entry)) {
            bytes = content.readAllBytes();
        } catch (ZipException e) {
            throw new IOException(entry.getName() + " in the jar is damaged: " + e.getMessage());
        }
        CRC32 crc = new CRC32();
        crc.update(bytes);
        if (entry.getCrc() != crc.getValue()) {
            throw new IOException(entry.getName() + " in the jar is damaged");
        }
        return bytes;
    }

    /**
     * Whether the bundle has the content of the file.
     *
     * @throws IOException a part of the jar is damaged
     */
    static boolean isSame(Bundle bundle, Path file) throws IOException {
        Enumeration<URL> own = bundle.findEntries("/", "*", true);
        Set<String> missing = new HashSet<>();
        if (own != null) {
            own.asIterator().forEachRemaining(entry -> missing.add(entry.getPath()));
        }
        boolean same = true;
        try (JarFile jar = new JarFile(file.toFile())) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                byte[] bytes = read(jar, entry);
                missing.remove("/" + entry.getName());
                same &= entry.isDirectory() || holds(bundle.getEntry(entry.getName()), bytes);
            }
        }
        return same && missing.stream().allMatch(entry -> entry.endsWith("/"));
    }

    private static boolean holds(@Nullable URL entry, byte[] bytes) throws IOException {
        if (entry == null) {
            return false;
        }
        try (InputStream content = entry.openStream()) {
            return Arrays.equals(content.readAllBytes(), bytes);
        }
    }

    private static Optional<String> symbolicName(Path file) {
        try {
            return Optional.of(identity(file).name());
        } catch (ErrnoException e) {
            return Optional.empty();
        } catch (IOException e) {
            // Not a warning: it would appear on the terminal next to the message of the command.
            LOG.info("{} is not a jar: {}", file, e.toString());
            return Optional.empty();
        }
    }

    /** Completes an installed bundle: its id if that is what is typed, else its symbolic name. */
    Stream<String> completeInstalled(String prefix) {
        Stream<Bundle> bundles = Arrays.stream(context.getBundles());
        return !prefix.isEmpty() && Character.isDigit(prefix.charAt(0))
                ? bundles.map(bundle -> Long.toString(bundle.getBundleId()))
                : bundles.map(Bundle::getSymbolicName)
                        .flatMap(name -> Stream.ofNullable(name))
                        .sorted();
    }

    /** Completes a {@code file:} URL: directories, and the jars in them. */
    static Stream<String> completeUrl(String prefix) {
        if (!prefix.startsWith(FILE)) {
            return Stream.of(FILE);
        }
        String typed = prefix.substring(FILE.length());
        String parent = typed.substring(0, typed.lastIndexOf('/') + 1);
        boolean hidden = typed.startsWith(parent + ".");
        return list(Path.of(parent.isEmpty() ? "." : parent), "*").stream()
                .filter(entry -> hidden || !entry.getFileName().toString().startsWith("."))
                .filter(entry -> Files.isDirectory(entry) || entry.toString().endsWith(".jar"))
                .map(entry -> FILE + parent + entry.getFileName() + (Files.isDirectory(entry) ? "/" : ""));
    }
}
