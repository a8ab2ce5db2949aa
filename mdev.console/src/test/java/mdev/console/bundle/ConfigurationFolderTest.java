package mdev.console.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import mdev.api.FailedModule;
import mdev.console.Await;
import mdev.console.bundle.broken.Hanging;
import mdev.console.bundle.broken.Working;
import mdev.sync.Deadline;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.launch.Framework;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;

/** The configurations in the drop folder, in a real Felix with its DS and Configuration Admin. */
class ConfigurationFolderTest {
    private static final String SINGLE = Working.class.getName() + ",,,optional,single";
    private static final String MANY = Working.class.getName() + ",,,require,many";
    private static final String HANGS = Hanging.class.getName() + ",,,require,hangs";

    @TempDir
    private Path temp;

    private Framework framework;
    private BundleContext context;
    private BundleLifeCycle bundles;
    private ConfigurationAdmin admin;
    private ServiceComponentRuntime components;
    private ConfigurationFolder folder;
    private Path drop;

    @BeforeEach
    void start() throws Exception {
        drop = Files.createDirectory(temp.resolve("drop"));
        Files.createDirectory(temp.resolve("set"));
        framework = TestModules.framework(temp);
        context = framework.getBundleContext();
        admin = context.getService(context.getServiceReference(ConfigurationAdmin.class));
        components = context.getService(context.getServiceReference(ServiceComponentRuntime.class));
        make();
    }

    @AfterEach
    void stop() throws Exception {
        folder.stop();
        framework.stop();
        framework.waitForStop(10_000);
    }

    private void make() {
        bundles = new BundleLifeCycle(context, Duration.ofSeconds(2));
        bundles.components = components;
        folder = new ConfigurationFolder(context, admin, bundles);
    }

    private Bundle load(String module, String... declared) throws Exception {
        Path jar =
                TestModules.write(temp.resolve(module + ".jar"), new TestModules.Module(module, 0, List.of(declared)));
        Bundle bundle = context.installBundle(jar.toUri().toString());
        bundle.start();
        return bundle;
    }

    /** Writes the file in one step, as {@code mv} does. */
    private Path write(Path directory, String file, String line) throws IOException {
        Path written = Files.writeString(temp.resolve("part"), line);
        return Files.move(written, directory.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }

    private Path write(String file, String line) throws IOException {
        return write(drop, file, line);
    }

    /** The values of the key of each instance of the component. */
    private List<String> values(String component) {
        return components.getComponentDescriptionDTOs().stream()
                .filter(description -> description.name.equals(component))
                .flatMap(description -> components.getComponentConfigurationDTOs(description).stream())
                .filter(one -> one.state == ComponentConfigurationDTO.ACTIVE)
                .map(one -> String.valueOf(one.properties.get("key")))
                .sorted()
                .toList();
    }

    private void awaitValues(String component, String... expected) {
        Await.until(
                component + " has " + List.of(expected),
                () -> values(component).equals(Stream.of(expected).sorted().toList()));
    }

    private void awaitFailures(String... lines) {
        Await.until(
                "it lists " + List.of(lines),
                () -> folder.failed().stream()
                        .map(module -> module.bundle() + ": " + module.reason())
                        .toList()
                        .equals(List.of(lines)));
    }

    private static String waits(String file, String first, String name) {
        return "%s: %s configures %s already: this file applies when that one is deleted".formatted(file, first, name);
    }

    private static String unknown(String file, String pid) {
        return file + ": no component has the PID '" + pid + "': see docs/configuration.md";
    }

    @Test
    void followsTheFileOfAComponent() throws Exception {
        load("card", SINGLE);
        folder.start();
        Path file = write("single.CFG", "key = 1");
        awaitValues("single", "1");
        write("single.CFG", "key = 2");
        awaitValues("single", "2");
        Files.delete(file);
        awaitValues("single", "null");
        awaitFailures();
    }

    @Test
    void copyOfASingleConfigurationWaitsForItsTurn() throws Exception {
        Path first = write("single.cfg", "key=1");
        Path second = write("single-copy.cfg", "key=2");
        Path third = write("single~x.cfg", "key=3");
        folder.start();
        load("card", SINGLE);
        awaitValues("single", "1");
        awaitFailures(waits("single-copy.cfg", "single.cfg", "single"), waits("single~x.cfg", "single.cfg", "single"));
        Files.delete(first);
        awaitValues("single", "3"); // the shorter name
        awaitFailures(waits("single-copy.cfg", "single~x.cfg", "single"));
        write("single.cfg", "key=4");
        awaitFailures(
                waits("single-copy.cfg", "single~x.cfg", "single"), waits("single.cfg", "single~x.cfg", "single"));
        assertEquals(List.of("3"), values("single"));
        Files.delete(drop.resolve("single.cfg"));
        Files.delete(third);
        awaitValues("single", "2");
        awaitFailures();
        Files.delete(second);
        awaitValues("single", "null");
    }

    @Test
    void configuresAnInstanceByEachFile() throws Exception {
        load("card", MANY);
        folder.start();
        Path first = write("many-one.cfg", "key=1");
        write("many~two.cfg", "key=2");
        awaitValues("many", "1", "2");
        write("many~one.cfg", "key=3");
        awaitFailures(waits("many~one.cfg", "many-one.cfg", "many~one"));
        Files.delete(first);
        awaitValues("many", "2", "3");
        awaitFailures();
        Files.delete(drop.resolve("many~two.cfg"));
        awaitValues("many", "3");
    }

    @Test
    void settingAppliesUntilTheFileChanges() throws Exception {
        load("card", SINGLE);
        write(temp.resolve("set"), "single.cfg", "key=9");
        Path file = write("single.cfg", "key=1");
        folder.start();
        awaitValues("single", "9");
        awaitFailures("single.cfg: --set configures single: this file applies when it changes");
        write("single.cfg", "key=2");
        awaitValues("single", "2");
        awaitFailures();
        Files.delete(file);
        awaitValues("single", "9");
    }

    @Test
    void unreadableFileChangesNothing() throws Exception {
        load("card", SINGLE);
        folder.start();
        write("single.cfg", "key=1");
        awaitValues("single", "1");
        write("single.cfg", "key=\\u12");
        awaitFailures("single.cfg: cannot be applied: Malformed \\uxxxx encoding.");
        assertEquals(List.of("1"), values("single"));
        write("single.cfg", "key=2");
        awaitValues("single", "2");
        awaitFailures();
    }

    /** Neither does a file that is touched, nor a restart of this bundle. */
    @Test
    void sameValuesChangeNothing() throws Exception {
        load("card", SINGLE, MANY);
        folder.start();
        Path file = write("single.cfg", "key=1");
        write("many-one.cfg", "key=1");
        awaitValues("many", "1");
        awaitValues("single", "1");
        long count = admin.getConfiguration("single", null).getChangeCount();
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(1000)));
        Files.move(file, drop.resolve("single-renamed.cfg"));
        write("many-two.cfg", "key=2");
        awaitValues("many", "1", "2");
        assertEquals(count, admin.getConfiguration("single", null).getChangeCount());
        folder.stop();
        Files.delete(drop.resolve("many-one.cfg"));
        make();
        folder.start();
        awaitValues("many", "2");
        assertEquals(count, admin.getConfiguration("single", null).getChangeCount());
    }

    @Test
    void listsAFileThatNobodyReads() throws Exception {
        folder.start();
        Path nobodys = write("no.such.pid-one.cfg", "");
        write("single.cfg", "key=1");
        awaitFailures(unknown("no.such.pid-one.cfg", "no.such.pid"), unknown("single.cfg", "single"));
        load("card", SINGLE);
        awaitFailures(unknown("no.such.pid-one.cfg", "no.such.pid"));
        Files.delete(nobodys);
        awaitFailures();
    }

    @Test
    void appliesTheFilesOfALoadedModuleAtOnce() throws Exception {
        write("many-one.cfg", "key=1");
        folder.start();
        awaitFailures(unknown("many-one.cfg", "many"));
        load("card", MANY);
        assertEquals(true, folder.apply(Deadline.in(Duration.ofMinutes(1))));
        assertEquals(List.of("1"), values("many"));
    }

    /** The component's code would otherwise run on Configuration Admin's thread. */
    @Test
    void hangingComponentDelaysNoOther() throws Exception {
        folder.start();
        load("card", SINGLE);
        load("hangs", HANGS);
        for (String where : List.of(Hanging.ACTIVATE, Hanging.DEACTIVATE)) {
            CountDownLatch latch = new CountDownLatch(1);
            System.getProperties().put(where, latch);
            try {
                Path file = write("hangs-one.cfg", "key=1");
                if (where.equals(Hanging.DEACTIVATE)) {
                    awaitValues("hangs", "1");
                    Files.delete(file);
                }
                String reason = "the configuration hangs~one of test.hangs does not return: the log has the stack"
                        + " of its thread";
                Await.until(
                        "the hang is listed",
                        () -> bundles.failed().equals(List.of(BundleLifeCycle.failed("test.hangs", "0.0.0", reason))));
                write("single.cfg", "key=" + where);
                awaitValues("single", where);
            } finally {
                latch.countDown();
                System.getProperties().remove(where);
            }
            Await.until("it has returned", () -> bundles.failed().equals(List.<FailedModule>of()));
            if (where.equals(Hanging.ACTIVATE)) {
                awaitValues("hangs", "1");
                Files.delete(drop.resolve("hangs-one.cfg"));
            }
            awaitValues("hangs");
        }
    }

    /** Its thread may hold what the component waits for. */
    @Test
    void changeByAnotherThreadDoesNotWaitForTheComponent() throws Exception {
        folder.start();
        load("hangs", HANGS);
        CountDownLatch latch = new CountDownLatch(1);
        System.getProperties().put(Hanging.ACTIVATE, latch);
        try {
            admin.getFactoryConfiguration("hangs", "own", "?").update(FrameworkUtil.asDictionary(Map.of("key", "1")));
            assertEquals(List.of(), bundles.failed());
        } finally {
            latch.countDown();
            System.getProperties().remove(Hanging.ACTIVATE);
        }
        awaitValues("hangs", "1");
    }
}
