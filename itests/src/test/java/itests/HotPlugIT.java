package itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.options;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import javax.inject.Inject;
import mdev.api.sysfs.Sysfs;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.CommandSession;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.ops4j.pax.exam.Option;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.BundleException;
import org.osgi.framework.SynchronousBundleListener;
import org.osgi.framework.wiring.BundleWiring;

/** Vendors are installed and removed in every possible way while the platform runs, without effect on other bundles. */
public class HotPlugIT extends PlatformTestSupport {
    private static final String MTTY = "vendor.mtty";
    private static final String DROP = "mdev.drop";
    private static final int CYCLES = 200;

    @Inject
    private Sysfs sysfs;

    @Inject
    private CommandProcessor gogo;

    private Tree tree;
    private List<String> without;
    private final List<String> disturbed = new CopyOnWriteArrayList<>();
    private final SynchronousBundleListener others = event -> {
        if (!event.getBundle().getSymbolicName().equals(MTTY)) {
            disturbed.add(event.getBundle() + " " + event.getType());
        }
    };

    @Override
    protected Option[] more() {
        try {
            return options(frameworkProperty(DROP).value(RunDirectory.create().toString()));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** The state after the first vendor: the class {@code mdev_bus} stays, as in the kernel. */
    @Before
    public void before() throws Exception {
        tree = new Tree(sysfs);
        startModule(MTTY).uninstall();
        without = tree.shape();
        context.addBundleListener(others);
    }

    @After
    public void after() throws BundleException {
        context.removeBundleListener(others);
        for (Bundle bundle : vendors()) {
            bundle.uninstall();
        }
    }

    private List<Bundle> vendors() {
        return Stream.of(context.getBundles())
                .filter(bundle -> MTTY.equals(bundle.getSymbolicName()))
                .toList();
    }

    private String shell(String line) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (PrintStream print = new PrintStream(out);
                CommandSession session = gogo.createSession(InputStream.nullInputStream(), print, print)) {
            Object result = session.execute(line);
            return out + String.valueOf(result);
        }
    }

    @FunctionalInterface
    private interface Step {
        void run() throws Exception;
    }

    private record Way(String name, Step step) {}

    @Test
    public void everyWayToLoadAndUnloadLeadsToTheSameState() throws Exception {
        Path dropped = Path.of(context.getProperty(DROP)).resolve("mtty.jar");
        String url = module(MTTY).toUri().toString();
        List<Way> in = List.of(
                new Way("start file:", () -> shell("felix:start " + url)),
                new Way("modprobe by module name", () -> shell("mdev:modprobe mtty")),
                new Way("modprobe by bundle name", () -> shell("mdev:modprobe vendor.mtty")),
                new Way("modprobe by path", () -> shell("mdev:modprobe " + module(MTTY))),
                new Way("drop folder", () -> drop(dropped)));
        List<Way> out = List.of(
                new Way(
                        "uninstall",
                        () -> shell("felix:uninstall " + vendors().getFirst().getBundleId())),
                new Way("rmmod", () -> shell("mdev:rmmod mtty")),
                new Way("stop, then uninstall", () -> {
                    shell("felix:stop " + vendors().getFirst().getBundleId());
                    assertEquals("stopped", without, tree.shape());
                    vendors().getFirst().uninstall();
                }));
        startModule(MTTY);
        final List<String> with = tree.shape();
        vendors().getFirst().uninstall();
        for (Way came : in) {
            for (Way went : out) {
                if (came.name().equals("drop folder")) {
                    continue; // its own removal is below: another one would leave the jar behind
                }
                String both = came.name() + " / " + went.name();
                came.step().run();
                assertEquals(both, with, tree.shape());
                tree.create("mtty", "mtty-1", UUID.randomUUID());
                went.step().run();
                assertEquals(both, without, tree.shape());
                assertEquals(both, List.of(), vendors());
            }
        }
        drop(dropped);
        Wait.until("the dropped driver is there", () -> tree.shape().equals(with));
        tree.create("mtty", "mtty-1", UUID.randomUUID());
        Files.delete(dropped);
        Wait.until(
                "the deleted driver is gone",
                () -> tree.shape().equals(without) && vendors().isEmpty());
        assertEquals("no other bundle was affected", List.of(), disturbed);
    }

    /** Moves the complete file in one step, as recommended for big jars in a watched folder. */
    private static void drop(Path target) throws IOException {
        Path aside = Files.createTempFile("mtty", ".jar");
        Files.copy(module(MTTY), aside, StandardCopyOption.REPLACE_EXISTING);
        Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The older of two jars is deleted: the other one replaces it. */
    @Test
    public void bundleInTheDropFolderRuns() throws Exception {
        Path folder = Path.of(context.getProperty(DROP));
        drop(folder.resolve("older.jar"));
        Wait.until("the dropped driver is there", () -> !tree.shape().equals(without));
        final List<String> with = tree.shape();
        drop(folder.resolve("newer.JAR"));
        Wait.until("the second is refused", () -> lsmod().contains("is loaded already"));
        tree.create("mtty", "mtty-1", UUID.randomUUID());
        Files.delete(folder.resolve("older.jar"));
        Wait.until("the second stands in", () -> !lsmod().contains("is loaded already"));
        assertEquals(1, vendors().size());
        assertNotEquals("a driver and its device are there", without, tree.shape());
        Files.delete(folder.resolve("newer.JAR"));
        Wait.until(
                "nothing is left",
                () -> tree.shape().equals(without) && vendors().isEmpty());
        assertNotEquals(with, without);
    }

    private String lsmod() throws Exception {
        return shell("mdev:lsmod");
    }

    @Test
    public void updateRemovesTheDevicesAndLoadsAFreshDriver() throws Exception {
        Bundle bundle = startModule(MTTY);
        List<String> with = tree.shape();
        tree.create("mtty", "mtty-2", UUID.randomUUID());
        ClassLoader before = bundle.adapt(BundleWiring.class).getClassLoader();

        bundle.update(new ByteArrayInputStream(Files.readAllBytes(module(MTTY))));

        // Its components are registered after its state changes.
        Wait.until("the new driver runs", () -> tree.shape().equals(with));
        assertEquals(Bundle.ACTIVE, bundle.getState());
        assertNotEquals(before, bundle.adapt(BundleWiring.class).getClassLoader());
        assertEquals("no other bundle was affected", List.of(), disturbed);
    }

    @Test
    public void manyCyclesLeakNothingOfTheVendor() throws Exception {
        for (int i = 0; i < 10; i++) { // covers what the platform itself creates on first use
            cycle(null, null);
        }
        Set<Thread> threads = Thread.getAllStackTraces().keySet();
        final long files = openFiles();
        ReferenceQueue<ClassLoader> queue = new ReferenceQueue<>();
        List<PhantomReference<ClassLoader>> loaders = new ArrayList<>();

        for (int i = 0; i < CYCLES; i++) {
            cycle(queue, loaders);
        }

        Set<Reference<?>> collected = new HashSet<>();
        Wait.until("the class loaders of all cycles are collected", () -> {
            System.gc();
            for (Reference<?> reference = queue.poll(); reference != null; reference = queue.poll()) {
                collected.add(reference);
            }
            return collected.size() == loaders.size();
        });
        assertEquals(CYCLES, collected.size());
        Wait.until(
                "no thread is left",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .allMatch(thread -> threads.contains(thread) || !ofVendor(thread)));
        Wait.until("no file is left open", () -> openFiles() <= files);
        assertEquals(without, tree.shape());
    }

    /** Includes the framework's own threads that worked for it, which exit shortly after their last work. */
    private static boolean ofVendor(Thread thread) {
        return Stream.of("mtty", "mdev-", "vfio-").anyMatch(thread.getName()::contains);
    }

    private void cycle(ReferenceQueue<ClassLoader> queue, List<PhantomReference<ClassLoader>> loaders)
            throws Exception {
        Bundle bundle = startModule(MTTY);
        UUID uuid = UUID.randomUUID();
        tree.create("mtty", "mtty-1", uuid);
        assertTrue(tree.names(Tree.DEVICES).contains(uuid.toString()));
        if (queue != null) {
            loaders.add(new PhantomReference<>(bundle.adapt(BundleWiring.class).getClassLoader(), queue));
        }
        bundle.uninstall();
    }

    private static long openFiles() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }

    /** The listener receives all events: a restarted bundle counts. */
    @Test
    public void observerDetectsADisturbance() throws Exception {
        Bundle admin = bundleNamed("org.apache.felix.eventadmin");
        admin.stop();
        admin.start();
        assertTrue(disturbed.toString(), disturbed.contains(admin + " " + BundleEvent.STARTED));
    }
}
