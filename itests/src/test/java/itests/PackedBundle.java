package itests;

import aQute.bnd.osgi.Builder;
import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Packages test classes as a vendor would: a bundle that interacts with the platform only through services. */
public final class PackedBundle {
    private PackedBundle() {}

    /** @return the jar, named as the bundle */
    public static Path build(String symbolicName, String packageName, Path directory) throws Exception {
        return build(symbolicName, packageName, Map.of(), directory);
    }

    /** @param headers more headers of the bundle */
    public static Path build(String symbolicName, String packageName, Map<String, String> headers, Path directory)
            throws Exception {
        try (Builder builder = new Builder()) {
            headers.forEach(builder::setProperty);
            builder.setProperty("Bundle-SymbolicName", symbolicName);
            builder.setProperty("Private-Package", packageName);
            builder.setProperty("-conditionalpackage", "mdev.device, mdev.pci");
            builder.setClasspath(Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                    .map(File::new)
                    .filter(File::exists)
                    .toArray(File[]::new));
            Path jar = directory.resolve(symbolicName + ".jar");
            builder.build().write(jar.toFile());
            if (!builder.getErrors().isEmpty()) {
                throw new AssertionError("bnd: " + List.copyOf(builder.getErrors()));
            }
            return jar;
        }
    }
}
