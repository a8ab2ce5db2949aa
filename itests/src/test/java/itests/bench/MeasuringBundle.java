package itests.bench;

import aQute.bnd.osgi.Builder;
import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Packs {@link itests.bench.inside} as a vendor would its driver. */
final class MeasuringBundle {
    private MeasuringBundle() {}

    static Path build(Path directory) throws Exception {
        try (Builder builder = new Builder()) {
            builder.setProperty("Bundle-SymbolicName", "itests.bench");
            builder.setProperty("Private-Package", "itests.bench.inside");
            builder.setProperty("-conditionalpackage", "mdev.pci.*");
            builder.setProperty("Import-Package", "!org.jspecify.annotations, *");
            builder.setClasspath(Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                    .map(File::new)
                    .filter(File::exists)
                    .toArray(File[]::new));
            Path jar = directory.resolve("itests.bench.jar");
            builder.build().write(jar.toFile());
            if (!builder.getErrors().isEmpty()) {
                throw new AssertionError("bnd: " + List.copyOf(builder.getErrors()));
            }
            return jar;
        }
    }
}
