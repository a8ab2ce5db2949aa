package mdev.console.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import mdev.api.FailedModule;
import mdev.api.LoadedModule;
import mdev.api.ParentRegistry;
import mdev.api.Uevent;
import mdev.console.Await;
import mdev.console.bundle.broken.Hanging;
import mdev.console.bundle.broken.Throwing;
import mdev.console.bundle.broken.Working;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceFactory;
import org.osgi.framework.ServiceRegistration;
import org.osgi.framework.launch.Framework;
import org.osgi.service.component.runtime.ServiceComponentRuntime;

/** The handling of files in the drop folder, in a real Felix with its DS. */
class DropFolderTest {
    private static final List<String> GOOD = List.of(Working.class.getName() + ",,");
    /** The same module with other content. */
    private static final List<String> BETTER = List.of(Working.class.getName() + ",java.lang.Runnable,");

    private static final List<String> HANGS = List.of(Hanging.class.getName() + ",,");

    @TempDir
    private Path temp;

    private Framework framework;
    private BundleContext context;
    private BundleLifeCycle bundles;
    private DropFolder folder;
    private Path drop;
    private volatile List<LoadedModule> modules = List.of();

    @BeforeEach
    void start() throws Exception {
        drop = Files.createDirectory(temp.resolve("drop"));
        framework = TestModules.framework(temp);
        context = framework.getBundleContext();
        context.registerService(ParentRegistry.class.getName(), new NoService(), null);
        open(Duration.ofSeconds(30));
    }

    /** Stands for the core, which no test module uses. */
    private static final class NoService implements ServiceFactory<Object> {
        @Override
        public Object getService(Bundle bundle, ServiceRegistration<Object> registration) {
            throw new AssertionError(bundle);
        }

        @Override
        public void ungetService(Bundle bundle, ServiceRegistration<Object> registration, Object service) {
            throw new AssertionError(bundle);
        }
    }

    private void open(Duration limit) {
        bundles = new BundleLifeCycle(context, limit);
        bundles.components = context.getService(context.getServiceReference(ServiceComponentRuntime.class));
        bundles.modules = () -> modules;
        folder = new DropFolder(context, bundles, new LiveReplacement(context, bundles));
        folder.start();
    }

    @AfterEach
    void stop() throws Exception {
        folder.stop();
        framework.stop();
        framework.waitForStop(10_000);
    }

    private Path drop(String file, List<String> components) throws IOException {
        return drop(file, "card", components);
    }

    /** Moves a jar into the folder in one step, as {@code mv} does. */
    private Path drop(String file, String module, List<String> components) throws IOException {
        Path written = TestModules.write(temp.resolve(file), new TestModules.Module(module, 0, components));
        return Files.move(written, drop.resolve(file), StandardCopyOption.REPLACE_EXISTING);
    }

    /** Waits for the module to run. */
    private Bundle card() {
        return running("card");
    }

    private Bundle running(String module) {
        Await.until(module + " runs", () -> bundles(module).anyMatch(bundle -> bundle.getState() == Bundle.ACTIVE));
        return bundles(module).findFirst().orElseThrow();
    }

    private Stream<Bundle> bundles(String module) {
        return Stream.of(context.getBundles()).filter(bundle -> ("test." + module).equals(bundle.getSymbolicName()));
    }

    private void awaitGone(String module) {
        Await.until(module + " is gone", () -> bundles(module).findAny().isEmpty());
    }

    private void awaitFailure(String bundle, String reason) {
        Await.until(
                reason,
                () -> folder.failed().stream()
                        .anyMatch(module -> module.bundle().equals(bundle)
                                && module.reason().contains(reason)));
    }

    private void awaitNoFailure() {
        Await.until("nothing is listed any more", () -> folder.failed().equals(List.<FailedModule>of()));
    }

    private void use(Bundle bundle, String... users) {
        modules = List.of(new LoadedModule("card", bundle.getBundleId(), List.of(users)));
    }

    @Test
    void loadsAnAddedJarAndUnloadsADeletedOne() throws IOException {
        Path jar = drop("card.JAR", GOOD);
        assertEquals(Bundle.ACTIVE, card().getState());
        Files.delete(jar);
        awaitGone("card");
        assertEquals(List.of(), folder.failed());
    }

    @Test
    void listsAJarThatCannotBeLoadedWithTheReason() throws IOException {
        Path text = Files.writeString(drop.resolve("text.jar"), "no jar at all");
        awaitFailure("text.jar", "zip END header not found");
        Path jar = drop("card.jar", List.of(Throwing.class.getName() + ",,"));
        awaitFailure("test.card", "the port 0x3f8 is taken");
        Await.until("nothing of it is left", () -> bundles("card").findAny().isEmpty());
        Files.delete(jar);
        Files.delete(text);
        awaitNoFailure();
    }

    @Test
    void damagedOverwriteKeepsTheRunningModule() throws IOException {
        Path jar = drop("card.jar", GOOD);
        Bundle before = card();
        final long modified = before.getLastModified();
        byte[] whole = Files.readAllBytes(jar);
        Files.write(jar, Arrays.copyOf(whole, whole.length / 2));
        awaitFailure("card.jar", "zip END header not found");
        assertEquals(Bundle.ACTIVE, before.getState());
        byte[] flipped = whole.clone();
        flipped[whole.length / 4] ^= 1;
        Files.write(jar, flipped);
        Await.until(
                "the damage is noticed",
                () -> folder.failed().stream()
                        .anyMatch(module -> !module.reason().contains("END header")));
        assertEquals(Bundle.ACTIVE, before.getState());
        Files.write(jar, whole);
        awaitNoFailure();
        assertEquals(before, card());
        assertEquals(modified, before.getLastModified());
    }

    @Test
    void loadsTheSecondJarOfAModuleWhenTheFirstIsDeleted() throws IOException {
        Path first = drop("first.jar", GOOD);
        long before = card().getBundleId();
        drop("second.jar", BETTER);
        awaitFailure("test.card", "test.card 0.0.0 is loaded already, from file:");
        Files.delete(first);
        Await.until(
                "the second runs",
                () -> bundles("card")
                        .anyMatch(bundle -> bundle.getBundleId() != before && bundle.getState() == Bundle.ACTIVE));
        awaitNoFailure();
    }

    @Test
    void touchedRenamedOrCopiedJarRestartsNothing() throws Exception {
        Path jar = drop("card.jar", GOOD);
        Bundle before = card();
        long modified = before.getLastModified();
        Files.setLastModifiedTime(jar, FileTime.from(Instant.now().minusSeconds(1000)));
        drop("later.jar", "later", GOOD);
        running("later");
        assertEquals(modified, before.getLastModified());
        Path renamed = Files.move(jar, drop.resolve("renamed.jar"));
        Path copy = Files.copy(renamed, drop.resolve("copy.jar"));
        awaitFailure("test.card", "is loaded already");
        Files.delete(renamed);
        awaitNoFailure();
        assertEquals(before, card());
        assertEquals(modified, before.getLastModified());

        // Nor does a restart of the watcher, which loses its state.
        folder.stop();
        open(Duration.ofSeconds(30));
        Files.move(copy, drop.resolve("again.jar"));
        drop("other.jar", "other", GOOD);
        running("other");
        assertEquals(before, card());
        assertEquals(modified, before.getLastModified());
    }

    @Test
    void seesChangesMadeWhileItWasStopped() throws Exception {
        Path gone = drop("gone.jar", "gone", GOOD);
        running("gone");
        drop("card.jar", GOOD);
        long modified = card().getLastModified();
        folder.stop();
        Files.delete(gone);
        drop("card.jar", BETTER);
        open(Duration.ofSeconds(30));
        awaitGone("gone");
        Await.until("it is updated", () -> card().getLastModified() != modified);
    }

    @Test
    void loadsAWaitingModuleWhenAnotherBundleIsUninstalled() throws Exception {
        Path elsewhere = TestModules.write(temp.resolve("card.jar"), new TestModules.Module("card", 0, GOOD));
        Bundle other = context.installBundle(elsewhere.toUri().toString());
        drop("same.jar", GOOD);
        awaitFailure("test.card", "is loaded already");
        other.uninstall();
        awaitNoFailure();
        assertEquals(Bundle.ACTIVE, card().getState());
    }

    @Test
    void loadsAModuleWithALaterOneThatItNeeds() throws Exception {
        drop("a.jar", List.of(Working.class.getName() + ",,java.lang.Runnable"));
        awaitFailure("test.card", "waits for java.lang.Runnable");
        drop("b.jar", "other", BETTER);
        awaitNoFailure();
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

    /** One whose device is removed because the activation fails. */
    @Test
    void retriesAFailedModuleOnceForEachRemovedDevice() throws Exception {
        System.clearProperty(Throwing.TRIES);
        drop("card.jar", List.of(Throwing.class.getName() + ",,"));
        awaitFailure("test.card", "the port 0x3f8 is taken");
        int tries = Integer.getInteger(Throwing.TRIES, 0);
        Uevent own = new Uevent("remove", "/devices/virtual/card", new TreeMap<>());
        folder.uevent(own);
        Await.until("it is retried", () -> Integer.getInteger(Throwing.TRIES, 0) > tries);
        int retried = Integer.getInteger(Throwing.TRIES, 0);
        folder.uevent(own);
        Files.writeString(drop.resolve("text.jar"), "a later scan");
        awaitFailure("text.jar", "zip END header not found");
        assertEquals(retried, Integer.getInteger(Throwing.TRIES, 0));
    }

    @Test
    void watchesAFolderThatReplacesARenamedOne() throws Exception {
        drop("card.jar", GOOD);
        card();
        Path moved = Files.move(drop, temp.resolve("moved"));
        Files.createDirectory(drop);
        Files.copy(moved.resolve("card.jar"), drop.resolve("card.jar"));
        drop("other.jar", "other", GOOD);
        running("other");
        Files.delete(drop.resolve("card.jar"));
        awaitGone("card");
    }

    @Test
    void keepsAModuleInUseUntilItsUsersAreGone() throws Exception {
        Path jar = drop("card.jar", GOOD);
        Bundle before = card();
        final long modified = before.getLastModified();
        use(before, "83b8 by a test");
        drop("card.jar", BETTER);
        awaitFailure("test.card", "test.card 0.0.0 is in use: 83b8 by a test; it is replaced when they are gone");
        assertEquals(modified, before.getLastModified());
        use(before);
        awaitNoFailure();
        assertEquals(before, card());
        Await.until("it is replaced", () -> before.getLastModified() != modified);

        use(before, "83b8 by a test");
        Files.delete(jar);
        awaitFailure("test.card", "it is unloaded when they are gone, or at once with 'mdev:rmmod -f test.card'");
        assertEquals(Bundle.ACTIVE, before.getState());
        use(before);
        awaitGone("card");
        awaitNoFailure();
    }

    @Test
    void replacesAModuleByAnotherUnderTheSameFileName() throws Exception {
        drop("one.jar", GOOD);
        Bundle before = card();
        drop("one.jar", "other", GOOD);
        running("other");
        Await.until("the first is gone", () -> before.getState() == Bundle.UNINSTALLED);
    }

    @Test
    void hangingModuleDelaysNoOther() throws Exception {
        folder.stop();
        open(Duration.ofSeconds(2));
        for (String where : List.of(Hanging.ACTIVATE, Hanging.DEACTIVATE)) {
            CountDownLatch latch = new CountDownLatch(1);
            System.getProperties().put(where, latch);
            try {
                Path jar = drop("hangs.jar", "hangs", HANGS);
                if (where.equals(Hanging.DEACTIVATE)) {
                    running("hangs");
                    Files.delete(jar);
                }
                String what = where.equals(Hanging.ACTIVATE) ? "the start of" : "the removal of";
                awaitFailure("test.hangs", what + " test.hangs does not return");
                assertEquals(1, bundles.failed().size());
                drop("card.jar", GOOD);
                card();
                Files.delete(drop.resolve("card.jar"));
                awaitGone("card");
            } finally {
                latch.countDown();
                System.getProperties().remove(where);
            }
            awaitNoFailure();
            Await.until("it has returned", () -> bundles.failed().equals(List.<FailedModule>of()));
            Files.deleteIfExists(drop.resolve("hangs.jar"));
            awaitGone("hangs");
        }
    }
}
