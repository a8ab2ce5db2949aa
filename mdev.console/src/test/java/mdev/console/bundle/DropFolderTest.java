package mdev.console.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import mdev.api.FailedModule;
import mdev.api.Uevent;
import mdev.console.Await;
import mdev.console.bundle.broken.Throwing;
import mdev.console.bundle.broken.Working;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.launch.Framework;
import org.osgi.service.component.runtime.ServiceComponentRuntime;

/** The handling of jars in the drop folder, in a real Felix with its DS. The test takes the place of FileInstall. */
class DropFolderTest {
    private static final List<String> GOOD = List.of(Working.class.getName() + ",,");

    @TempDir
    private Path temp;

    private Framework framework;
    private BundleContext context;
    private DropFolder folder;
    private Path drop;

    @BeforeEach
    void start() throws Exception {
        framework = TestModules.framework(temp.resolve("cache"));
        context = framework.getBundleContext();
        folder =
                new DropFolder(context, context.getService(context.getServiceReference(ServiceComponentRuntime.class)));
        folder.start();
        drop = Files.createDirectory(temp.resolve("drop"));
    }

    @AfterEach
    void stop() throws Exception {
        folder.stop();
        framework.stop();
        framework.waitForStop(10_000);
    }

    private Path drop(String file, List<String> components) throws IOException {
        Path jar = TestModules.write(drop.resolve(file), new TestModules.Module("card", 0, components));
        folder.install(jar.toFile());
        return jar;
    }

    private void delete(Path jar) throws IOException {
        Files.delete(jar);
        folder.uninstall(jar.toFile());
    }

    /** The module, once it runs. */
    private Bundle card() {
        Await.until("the module runs", () -> cards().anyMatch(bundle -> bundle.getState() == Bundle.ACTIVE));
        return cards().findFirst().orElseThrow();
    }

    private Stream<Bundle> cards() {
        return Stream.of(context.getBundles()).filter(bundle -> "test.card".equals(bundle.getSymbolicName()));
    }

    private void awaitFailure(String bundle, String reason) {
        Await.until(
                reason,
                () -> folder.failed().stream()
                        .anyMatch(module -> module.bundle().equals(bundle)
                                && module.reason().contains(reason)));
    }

    @Test
    void loadsAnAddedJarAndUnloadsADeletedOne() throws IOException {
        Path jar = drop("card.JAR", GOOD);
        assertEquals(Bundle.ACTIVE, card().getState());
        delete(jar);
        Await.until("it is gone", () -> cards().findAny().isEmpty());
        assertEquals(List.of(), folder.failed());
    }

    @Test
    void listsAJarThatCannotBeLoadedWithTheReason() throws IOException {
        Path text = Files.writeString(drop.resolve("text.jar"), "no jar at all");
        folder.install(text.toFile());
        awaitFailure("text.jar", "zip END header not found");
        Path jar = drop("card.jar", List.of(Throwing.class.getName() + ",,"));
        awaitFailure("test.card", "the port 0x3f8 is taken");
        assertEquals(0, cards().count(), "nothing of it is left");
        delete(jar);
        delete(text);
        Await.until("nothing is listed any more", () -> folder.failed().equals(List.<FailedModule>of()));
    }

    @Test
    void damagedOverwriteKeepsTheRunningModule() throws IOException {
        Path jar = drop("card.jar", GOOD);
        Bundle before = card();
        byte[] whole = Files.readAllBytes(jar);
        Files.write(jar, Arrays.copyOf(whole, whole.length / 2));
        folder.update(jar.toFile());
        awaitFailure("card.jar", "zip END header not found");
        assertEquals(Bundle.ACTIVE, before.getState());
    }

    @Test
    void loadsTheSecondJarOfAModuleWhenTheFirstIsDeleted() throws IOException {
        Path first = drop("first.jar", GOOD);
        long before = card().getBundleId();
        drop("second.jar", List.of(Working.class.getName() + ",java.lang.Runnable,"));
        awaitFailure("test.card", "test.card 0.0.0 is loaded already, from file:");
        delete(first);
        Await.until(
                "the second runs",
                () -> cards().anyMatch(bundle -> bundle.getBundleId() != before && bundle.getState() == Bundle.ACTIVE));
        Await.until("nothing has failed", () -> folder.failed().isEmpty());
    }

    @Test
    void touchedRenamedOrCopiedJarRestartsNothing() throws IOException {
        Path jar = drop("card.jar", GOOD);
        long before = card().getBundleId();
        folder.update(jar.toFile());
        Path renamed = Files.move(jar, drop.resolve("renamed.jar"));
        folder.uninstall(jar.toFile());
        folder.install(renamed.toFile());
        Path copy = Files.copy(renamed, drop.resolve("copy.jar"));
        folder.install(copy.toFile());
        awaitFailure("test.card", "is loaded already");
        delete(renamed);
        Await.until("the copy stands for it", () -> folder.failed().isEmpty());
        assertEquals(before, card().getBundleId());
    }

    @Test
    void loadsAWaitingModuleWhenAnotherBundleIsUninstalled() throws Exception {
        Path elsewhere = TestModules.write(temp.resolve("card.jar"), new TestModules.Module("card", 0, GOOD));
        Bundle other = context.installBundle(elsewhere.toUri().toString());
        drop("card.jar", GOOD);
        awaitFailure("test.card", "is loaded already");
        other.uninstall();
        Await.until("nothing has failed", () -> folder.failed().isEmpty());
        assertEquals(Bundle.ACTIVE, card().getState());
    }

    @Test
    void retriesAFailedModuleAfterADeviceRemoval() throws Exception {
        drop("card.jar", List.of(Throwing.class.getName() + ",,"));
        awaitFailure("test.card", "the port 0x3f8 is taken");
        System.setProperty(Throwing.FREE, "yes");
        try {
            folder.uevent(new Uevent("remove", "/devices/virtual/card", new TreeMap<>()));
            assertEquals(Bundle.ACTIVE, card().getState());
        } finally {
            System.clearProperty(Throwing.FREE);
        }
    }
}
