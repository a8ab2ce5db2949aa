package mdev.console.bundle;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import mdev.api.LoadedModule;
import mdev.console.MemoryTerminal;
import mdev.console.engine.TestPlatform;
import mdev.console.shell.Shell;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.launch.FrameworkFactory;

/** Against a real Felix. */
class BundleCommandsTest {
    @TempDir
    private static Path temp;

    private static Framework framework;

    private final TestPlatform platform = new TestPlatform();
    private final MemoryTerminal terminal = new MemoryTerminal();
    private final Ending ending = new Ending();
    private List<LoadedModule> modules = List.of();
    private BundleContext context;
    private Shell shell;

    @BeforeAll
    static void start() throws Exception {
        framework = ServiceLoader.load(FrameworkFactory.class)
                .findFirst()
                .orElseThrow()
                .newFramework(Map.of(
                        "felix.log.level",
                        "0",
                        BundleNames.PATH,
                        temp.resolve("modules").toString(),
                        Constants.FRAMEWORK_STORAGE,
                        temp.resolve("cache").toString()));
        framework.start();
        jar("good.jar", "Bundle-SymbolicName: test.good");
        jar("newer.jar", "Bundle-SymbolicName: test.good\nBundle-Version: 2");
        jar("needy.jar", "Bundle-SymbolicName: test.needy\nImport-Package: not.there");
        jar("broken.jar", "Bundle-SymbolicName: test.broken\nBundle-Activator: not.There");
        jar("fragment.jar", "Bundle-SymbolicName: test.fragment\nFragment-Host: test.good");
        jar("plain.jar", "Created-By: nobody");
        jar("api.jar", "Bundle-SymbolicName: test.api\nExport-Package: test.api");
        jar("user.jar", "Bundle-SymbolicName: test.user\nImport-Package: test.api");
        Files.writeString(temp.resolve("text.jar"), "no jar at all");
        Files.createDirectory(temp.resolve("modules"));
        jar("modules/mtty.jar", "Bundle-SymbolicName: vendor.mtty");
        jar("modules/gpu.jar", "Bundle-SymbolicName: vendor.gpu-sim;singleton:=true");
        jar("vfio.jar", "Bundle-SymbolicName: vfio.mdev");
    }

    @AfterAll
    static void stop() throws Exception {
        framework.stop();
        framework.waitForStop(10_000);
    }

    @BeforeEach
    void open() {
        context = framework.getBundleContext();
        BundleLifeCycle bundles = new BundleLifeCycle(context);
        bundles.modules = () -> modules;
        BundleCommands commands = new BundleCommands(context, bundles, new LiveReplacement(context, bundles), ending);
        commands.commands().forEach(platform::add);
        shell = platform.shell(terminal);
    }

    @AfterEach
    void close() throws BundleException {
        shell.close();
        platform.close();
        for (Bundle bundle : context.getBundles()) {
            if (bundle.getBundleId() != 0) {
                bundle.uninstall();
            }
        }
    }

    private static void jar(String name, String headers) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        if (!name.equals("plain.jar")) {
            manifest.getMainAttributes().putValue("Bundle-ManifestVersion", "2");
        }
        headers.lines()
                .map(line -> line.split(": ", 2))
                .forEach(header -> manifest.getMainAttributes().putValue(header[0], header[1]));
        try (OutputStream file = Files.newOutputStream(temp.resolve(name));
                JarOutputStream jar = new JarOutputStream(file, manifest)) {
            jar.finish();
        }
    }

    private String run(String line) {
        String words = line.replace("@", "file:" + temp + "/").replace("PATH", temp + "/modules/mtty.jar");
        int status = shell.run(words).status();
        return status + ": " + terminal.takeOut()
                + terminal.takeErr().replace("file:" + temp + "/", "@").replace(temp.toString(), "@");
    }

    private Bundle bundle(String name) {
        return new BundleNames(context).find(name, Path.of("")).orElseThrow();
    }

    record Refused(String line, int status, String complaint) {}

    static Stream<Refused> refused() {
        return Stream.of(
                new Refused("start @nope.jar", 1, "felix:start: @nope.jar: no such file (ENOENT)"),
                new Refused("install @nope.jar", 1, "felix:install: @nope.jar: no such file (ENOENT)"),
                new Refused("start @text.jar", 1, "felix:start: @text.jar: "),
                new Refused(
                        "start @plain.jar",
                        1,
                        "felix:start: @plain.jar: not a bundle: its manifest has no Bundle-SymbolicName (EINVAL)"),
                new Refused("start @needy.jar", 1, "felix:start: @needy.jar: Unable to resolve test.needy"),
                new Refused("start @broken.jar", 1, "felix:start: @broken.jar: "),
                new Refused(
                        "start @fragment.jar", 1, "felix:start: @fragment.jar: a fragment cannot be started (EINVAL)"),
                new Refused(
                        "start nope",
                        1,
                        "felix:start: 'nope' is neither a bundle nor a URL such as file:/path/to/bundle.jar (EINVAL)"),
                new Refused("start nope:x", 1, "felix:start: nope:x: "),
                new Refused("start 'a b:c'", 1, "felix:start: 'a b:c' is not a URL: "),
                new Refused(
                        "start 4711",
                        1,
                        "felix:start: no bundle '4711': its id or symbolic name, as 'lb -s' lists them (ENOENT)"),
                new Refused("mdev:modprobe mtt", 1, "mdev:modprobe: no module 'mtt': gpu_sim, mtty (ENOENT)"),
                new Refused("mdev:modprobe ./x.jar", 1, "mdev:modprobe: no file ./x.jar (ENOENT)"),
                new Refused("mdev:modprobe /etc/passwd", 1, "mdev:modprobe: /etc/passwd is not a bundle (EINVAL)"),
                new Refused("mdev:modprobe @needy.jar", 1, "mdev:modprobe: @needy.jar: Unable to resolve test.needy"),
                new Refused("start /nope.jar", 1, "felix:start: no file /nope.jar (ENOENT)"),
                new Refused("mdev:rmmod mty", 1, "mdev:rmmod: no module 'mty': there is none (ENOENT)"),
                new Refused("mdev:rmmod 0", 1, "mdev:rmmod: no module '0': there is none (ENOENT)"),
                new Refused("stop nope", 1, "felix:stop: no bundle 'nope': "),
                new Refused("felix:update nope", 1, "felix:update: no bundle 'nope': "),
                new Refused(
                        "felix:update 0 @nope.jar", 1, "felix:update: the framework itself cannot be updated (EINVAL)"),
                new Refused("uninstall nope", 1, "felix:uninstall: no bundle 'nope': "),
                new Refused("uninstall 0", 1, "felix:uninstall: the framework itself cannot be uninstalled (EINVAL)"),
                new Refused("felix:update 0", 1, "felix:update: the framework itself cannot be updated (EINVAL)"),
                new Refused(
                        "start", 2, "felix:start: missing bundle|url; usage: felix:start [-t] [-p] <bundle|url>..."),
                new Refused("stop -x 1", 2, "felix:stop: unknown flag '-x'; usage: felix:stop [-t] [-f] <bundle>..."));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void invalidInputPrintsOneLineAndChangesNothing(Refused refused) {
        String answer = run(refused.line());
        assertAll(
                () -> assertTrue(answer.startsWith(refused.status() + ": " + refused.complaint()), answer),
                () -> assertEquals(1, answer.lines().count(), answer),
                () -> assertEquals(1, context.getBundles().length, () -> Arrays.toString(context.getBundles())));
    }

    @Test
    void installsAndUninstallsABundle() {
        assertEquals("0: ", run("start @good.jar"));
        assertEquals(Bundle.ACTIVE, bundle("test.good").getState());
        String id = Long.toString(bundle("test.good").getBundleId());
        assertEquals("0: ", run("stop test.good"));
        assertEquals(Bundle.RESOLVED, bundle("test.good").getState());
        assertEquals("0: ", run("start " + id));
        assertEquals("0: ", run("felix:update test.good @newer.jar"));
        assertEquals("2.0.0", bundle(id).getVersion().toString());
        assertEquals(Bundle.ACTIVE, bundle(id).getState());
        assertEquals("0: ", run("felix:update " + id));
        assertEquals("0.0.0", bundle(id).getVersion().toString());
        assertEquals("0: ", run("uninstall test.good"));
        assertEquals(1, context.getBundles().length);
    }

    /** The words that name a bundle; @ is its file: URL, PATH its file. */
    private static final List<String> WORDS = List.of("mtty", "vendor.mtty", "@modules/mtty.jar", "PATH");

    @Test
    void loadsAndUnloadsAModuleByAnyOfItsNames() {
        for (String in : WORDS) {
            for (String out : WORDS) {
                assertEquals("0: ", run("mdev:modprobe " + in), in);
                assertEquals("0: ", run("mdev:modprobe " + in), "again");
                assertEquals("0: ", run("felix:update " + out), out);
                assertEquals(Bundle.ACTIVE, bundle("mtty").getState());
                assertEquals("0: ", run("stop " + out), out);
                assertEquals("0: ", run("start " + in), in);
                assertEquals("0: ", run("mdev:rmmod " + out), out);
                assertEquals(1, context.getBundles().length, in + " " + out);
                assertTrue(run("install " + in).startsWith("0: Bundle ID: "), in);
                assertEquals("0: ", run("uninstall " + out), out);
            }
        }
        assertEquals("0: ", run("start gpu-sim"));
        assertEquals("0: ", run("mdev:rmmod gpu_sim"));
    }

    @Test
    void reloadsAPlatformModuleAfterItsRemoval() throws Exception {
        Bundle vfio = context.installBundle("jar/vfio.mdev.jar", Files.newInputStream(temp.resolve("vfio.jar")));
        assertEquals("0: ", run("mdev:modprobe vfio_mdev"));
        assertEquals("0: ", run("mdev:rmmod vfio_mdev"));
        assertEquals(Bundle.RESOLVED, vfio.getState());
        assertEquals("1: mdev:rmmod: no module 'vfio_mdev': there is none (ENOENT)\n", run("mdev:rmmod vfio_mdev"));
        assertEquals("[vfio_mdev]", values("mdev:modprobe v"));
        assertEquals("0: ", run("mdev:modprobe vfio_mdev"));
        assertEquals(Bundle.ACTIVE, vfio.getState());
    }

    @Test
    void keepsAModuleInUse() {
        assertEquals("0: ", run("mdev:modprobe mtty"));
        modules = List.of(new LoadedModule("mtty", bundle("mtty").getBundleId(), List.of("83b8 by a test")));
        String inUse = "mtty is in use: 83b8 by a test";
        assertEquals("1: mdev:rmmod: " + inUse + "; -f unloads it anyway (EBUSY)\n", run("mdev:rmmod mtty"));
        assertEquals(Bundle.ACTIVE, bundle("mtty").getState());
        assertEquals("[mtty]", values("mdev:rmmod "));
        assertEquals("0: " + inUse + "\n", run("mdev:rmmod -f mtty"));
        assertEquals("0: ", run("start @api.jar @user.jar"));
        assertEquals(
                "1: mdev:rmmod: test_api is in use: test.user would be restarted; -f unloads it anyway (EBUSY)\n",
                run("mdev:rmmod test_api"));
    }

    @Test
    void jarNamesTheBundleInstalledFromElsewhere() throws Exception {
        Files.copy(temp.resolve("modules/mtty.jar"), temp.resolve("copy.jar"));
        assertEquals("0: ", run("mdev:modprobe mtty"));
        String refused = ": @copy.jar: the same bundle and version is installed from elsewhere: update it (EEXIST)\n";
        assertEquals("1: mdev:modprobe" + refused, run("mdev:modprobe @copy.jar"));
        assertEquals("1: felix:install" + refused, run("install @copy.jar"));
        assertEquals("0: ", run("felix:update mtty @copy.jar"));
        assertEquals("0: ", run("mdev:rmmod @copy.jar"));
        assertEquals(1, context.getBundles().length);
    }

    @Test
    void refusesToCutOffAUserWithoutForce() {
        assertEquals("0: ", run("start @good.jar; mdev:modprobe mtty"));
        long id = bundle("mtty").getBundleId();
        LoadedModule core =
                new LoadedModule(LoadedModule.CORE, bundle("test.good").getBundleId(), List.of("by mtty"));
        modules = List.of(core, new LoadedModule("mtty", id, List.of("83b8 by a test")));
        for (String word : List.of("mtty", "test.good")) { // test.good stands for the core, which all devices need
            for (String command : List.of("stop", "update", "uninstall")) {
                assertEquals(
                        "1: felix:%s: %s is in use: 83b8 by a test; -f %ss it anyway (EBUSY)\n"
                                .formatted(command, word, command),
                        run("felix:%s %s".formatted(command, word)));
            }
        }
        assertEquals(Bundle.ACTIVE, bundle("mtty").getState());
        assertEquals("1: ", run("stop test.user mtty").substring(0, 3));
        assertEquals("0: mtty is in use: 83b8 by a test\n", run("felix:update -f mtty"));
        assertEquals("0: mtty is in use: 83b8 by a test\n", run("stop -f mtty"));
        assertEquals("0: mtty is in use: 83b8 by a test\n", run("uninstall -f mtty"));
    }

    @Test
    void modprobeOfAChangedFileNamesTheUpdate() throws Exception {
        Path file = temp.resolve("changing.jar");
        Files.copy(temp.resolve("good.jar"), file);
        assertEquals("0: ", run("mdev:modprobe @changing.jar"));
        assertEquals("0: ", run("mdev:modprobe test.good"), "nothing has changed");
        Files.copy(temp.resolve("newer.jar"), file, StandardCopyOption.REPLACE_EXISTING);
        for (String word : List.of("test.good", "@changing.jar")) {
            assertEquals(
                    "1: mdev:modprobe: %s: test.good 0.0.0 is loaded already, and @/changing.jar has changed since:"
                                    .formatted(word)
                            + " 'update test.good' loads it (EEXIST)\n",
                    run("mdev:modprobe " + word));
        }
        assertEquals("0: ", run("felix:update test.good; mdev:modprobe test.good"));
        assertEquals("2.0.0", bundle("test.good").getVersion().toString());
    }

    @Test
    void installPrintsTheIds() {
        String id = run("install mtty");
        for (String word : List.of(
                "mtty",
                "vendor.mtty",
                "@modules/mtty.jar",
                id.replaceAll("\\D+", " ").split(" ")[1])) {
            assertEquals(id, run("install " + word), word);
        }
        assertEquals("0: {\"bundles\":[" + bundle("mtty").getBundleId() + "]}\n", run("install mtty --json"));
        assertTrue(run("install @good.jar @needy.jar").matches("0: Bundle IDs: \\d+, \\d+\n"));
        assertEquals(Bundle.INSTALLED, bundle("test.needy").getState());
        assertTrue(run("start test.needy").startsWith("1: felix:start: test.needy: Unable to resolve"));
        assertNotNull(bundle("test.needy"), "it was there before");
    }

    @Test
    void failedUpdateLeavesTheBundleUnchanged() throws Exception {
        Path gone = temp.resolve("gone.jar");
        Files.copy(temp.resolve("good.jar"), gone);
        assertEquals("0: ", run("start @gone.jar"));
        Files.delete(gone);
        assertEquals("1: felix:update: test.good: no such file (ENOENT)\n", run("felix:update test.good"));
        assertEquals("1: felix:update: @nope.jar: no such file (ENOENT)\n", run("felix:update test.good @nope.jar"));
        assertEquals(
                "1: felix:update: @text.jar: not a bundle: it is not a jar (EINVAL)\n",
                run("felix:update test.good @text.jar"));
        assertEquals(Bundle.ACTIVE, bundle("test.good").getState());
        context.installBundle("no-url", Files.newInputStream(temp.resolve("api.jar")));
        assertEquals(
                "1: felix:update: test.api came with the platform: give the URL of its new version (EINVAL)\n",
                run("felix:update test.api"));
    }

    /** The framework would not notice before it loads the part. */
    @Test
    void refusesAJarWithADamagedPart() throws Exception {
        Path damaged = temp.resolve("damaged.jar");
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Bundle-ManifestVersion", "2");
        manifest.getMainAttributes().putValue("Bundle-SymbolicName", "test.good");
        byte[] content = "what the part is made of".getBytes(StandardCharsets.US_ASCII);
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(damaged), manifest)) {
            jar.setLevel(Deflater.NO_COMPRESSION);
            jar.putNextEntry(new ZipEntry("part"));
            jar.write(content);
        }
        String whole = Files.readString(damaged, StandardCharsets.ISO_8859_1);
        Files.writeString(damaged, whole.replace("made of", "maid of"), StandardCharsets.ISO_8859_1);
        String reason = "part in the jar is damaged (EIO)\n";
        for (String command : List.of("mdev:modprobe", "felix:start", "felix:install")) {
            assertEquals("1: %s: @damaged.jar: %s".formatted(command, reason), run(command + " @damaged.jar"));
        }
        assertEquals(1, context.getBundles().length, "none is left");
        assertEquals("0: ", run("start @good.jar"));
        long modified = bundle("test.good").getLastModified();
        assertEquals("1: felix:update: @damaged.jar: " + reason, run("felix:update test.good @damaged.jar"));
        assertEquals(modified, bundle("test.good").getLastModified());
    }

    @Test
    void updateOfAnImportedBundleRestartsItsImporters() {
        assertEquals("0: ", run("start @api.jar @user.jar"));
        assertEquals("0: test.user use test.api: they are restarted with it\n", run("felix:update test.api"));
        assertEquals(Bundle.ACTIVE, bundle("test.user").getState());
    }

    @Test
    void stoppingTheFrameworkEndsThePlatform() {
        assertEquals(
                "1: felix:stop: org.apache.felix.framework runs the whole platform: -f stops the platform (EPERM)\n",
                run("stop 0"));
        assertEquals("1: felix:refresh: the framework itself cannot be refreshed (EINVAL)\n", run("refresh 0"));
        assertFalse(ending.requested());
        assertEquals("0: ", run("stop -f 0"));
        assertTrue(ending.requested());
        assertEquals(Bundle.ACTIVE, framework.getState(), "the thread that waits for the end stops it");
    }

    @Test
    void completesBundlesAndFiles() {
        assertEquals("0: ", run("start @good.jar"));
        long id = bundle("test.good").getBundleId();
        assertEquals("[test.good]", values("stop te"));
        assertEquals("[" + id + "]", values("stop " + id));
        assertEquals("[file:]", values("install f"));
        assertEquals("[@good.jar]", values("start @go").replace("file:" + temp + "/", "@"));
        assertEquals("[@cache/]", values("start @ca").replace("file:" + temp + "/", "@"));
        assertNull(context.getBundle("file:"));
    }

    private String values(String head) {
        return shell.complete(head.replace("@", "file:" + temp + "/")).stream()
                .map(Shell.Completion::value)
                .toList()
                .toString();
    }
}
