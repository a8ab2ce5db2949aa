package itests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** The import rules: each bundle's permitted imports. */
final class ArchitectureTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    /** Each bundle's folder, and our bundles that it may import. */
    private static final Map<String, Set<String>> MAY_IMPORT = Map.ofEntries(
            Map.entry("mdev.api", Set.of()),
            Map.entry("mdev.sync", Set.of()),
            Map.entry("mdev.config", Set.of()),
            Map.entry("mdev.log", Set.of()),
            Map.entry("mdev.state", Set.of("mdev.api")),
            Map.entry("mdev.linux", Set.of("mdev.sync")),
            Map.entry("mdev.device", Set.of("mdev.api")),
            Map.entry("mdev.pci", Set.of("mdev.api", "mdev.device")),
            Map.entry("mdev.core", Set.of("mdev.api", "mdev.sync", "mdev.config", "mdev.state")),
            Map.entry("mdev.console", Set.of("mdev.api", "mdev.sync", "mdev.config", "mdev.state")),
            Map.entry("mdev.tools", Set.of("mdev.api", "mdev.sync")),
            Map.entry("vfio.mdev", Set.of("mdev.api", "mdev.linux", "mdev.sync", "mdev.config", "mdev.state")),
            Map.entry("vfio.user", Set.of("mdev.api", "mdev.linux", "mdev.sync", "mdev.config")),
            Map.entry("mdev.fuse", Set.of("mdev.api", "mdev.linux", "mdev.sync", "mdev.config")),
            Map.entry("mdev.sys", Set.of("mdev.linux")),
            Map.entry("mdev.metrics", Set.of("mdev.api", "mdev.sync", "mdev.config")),
            Map.entry("vendor.mtty", Set.of("mdev.api", "mdev.device", "mdev.pci", "mdev.sync")),
            Map.entry("vendor.gpu-sim", Set.of("mdev.api", "mdev.device", "mdev.pci", "mdev.sync")),
            Map.entry("vendor.edu", Set.of("mdev.api", "mdev.device", "mdev.pci", "mdev.config")),
            Map.entry("vendor.ccw-sim", Set.of("mdev.api", "mdev.device", "mdev.sync")));

    private static final Set<String> FOLDERS = MAY_IMPORT.keySet();

    private static final JavaClasses ALL = read(FOLDERS);

    @Test
    void tableNamesEveryBundle() throws IOException {
        try (Stream<Path> folders = Files.list(ROOT)) {
            assertEquals(
                    FOLDERS,
                    folders.filter(folder -> Files.isDirectory(folder.resolve("src/main/java")))
                            .map(folder -> folder.getFileName().toString())
                            .collect(Collectors.toSet()));
        }
    }

    @ParameterizedTest
    @FieldSource("FOLDERS")
    void bundleHasOneRootPackage(String folder) {
        classes().should().resideInAPackage(rootPackage(folder) + "..").check(read(Set.of(folder)));
    }

    @ParameterizedTest
    @FieldSource("FOLDERS")
    void bundleImportsOnlyTheTablesPackages(String folder) {
        String[] others = FOLDERS.stream()
                .filter(other ->
                        !other.equals(folder) && !MAY_IMPORT.get(folder).contains(other))
                .map(other -> rootPackage(other) + "..")
                .toArray(String[]::new);
        noClasses()
                .that()
                .resideInAPackage(rootPackage(folder) + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(others)
                .check(ALL);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("(**)").should().beFreeOfCycles().check(ALL);
    }

    @Test
    void bundlesUseNeitherReflectionNorUnsafe() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.lang.reflect..", "sun..", "jdk.internal..")
                .check(ALL);
    }

    private static JavaClasses read(Set<String> folders) {
        List<Path> paths = folders.stream()
                .map(folder -> ROOT.resolve(folder).resolve("target/classes"))
                .toList();
        return new ClassFileImporter().importPaths(paths);
    }

    private static String rootPackage(String folder) {
        return folder.replace("-", "");
    }
}
