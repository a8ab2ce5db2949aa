package mdev.core;

import static mdev.core.LifeCycleTest.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import mdev.api.DriverRegistry;
import mdev.api.LoadedModule;
import mdev.api.ParentRegistry;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellResult;
import mdev.api.shell.UnknownNameException;
import mdev.api.sysfs.Sysfs;
import mdev.core.bundle.CoreComponent;
import mdev.core.shell.CoreCommands;
import mdev.core.shell.TestInvocation;
import mdev.core.slot.ForeignBundle;
import org.apache.felix.framework.Felix;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.ServiceFactory;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;

/** The services and commands on a real framework, with bundles that start and stop. */
class PlatformTest {
    @TempDir
    Path directory;

    private Felix felix;
    private CoreComponent component;
    private BundleContext context;
    private Map<String, ShellCommand> commands;

    @BeforeEach
    void start() throws Exception {
        Map<String, Object> configuration = new HashMap<>();
        configuration.put(
                Constants.FRAMEWORK_STORAGE, directory.resolve("cache").toString());
        felix = new Felix(configuration);
        felix.start();
        context = felix.getBundleContext();
        component = new CoreComponent(context);
        component.start(Map.of());
        context.registerService(Sysfs.class, component, null);
        context.registerService(
                new String[] {ParentRegistry.class.getName(), DriverRegistry.class.getName()},
                new Modules(component.core()),
                null);
        commands = new CoreCommands(component)
                .commands().stream()
                        .collect(Collectors.toMap(
                                command -> command.scope() + ":" + command.name(), command -> command));
    }

    @AfterEach
    void stop() throws Exception {
        component.stop();
        felix.stop();
        felix.waitForStop(10_000);
    }

    /** Replaces, without SCR, {@code mdev.core.bundle.Registries}. */
    private record Modules(MdevCore core) implements ServiceFactory<Object> {
        @Override
        public Object getService(Bundle bundle, ServiceRegistration<Object> registration) {
            return core.module(new ForeignBundle(
                    bundle.getSymbolicName(), bundle.getVersion().toString(), bundle.getBundleId()));
        }

        @Override
        public void ungetService(Bundle bundle, ServiceRegistration<Object> registration, Object module) {
            ((Module) module).close();
        }
    }

    private static <T> T service(BundleContext of, Class<T> type) {
        ServiceReference<T> reference = of.getServiceReference(type);
        assertNotNull(reference);
        return of.getService(reference);
    }

    /** A bundle without code: the test registers on its behalf. */
    private Path jar(String symbolicName) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue(Constants.BUNDLE_MANIFESTVERSION, "2");
        manifest.getMainAttributes().putValue(Constants.BUNDLE_SYMBOLICNAME, symbolicName);
        Path jar = directory.resolve(symbolicName + ".jar");
        new JarOutputStream(Files.newOutputStream(jar), manifest).close();
        return jar;
    }

    private Bundle load(String symbolicName) throws Exception {
        Bundle bundle = context.installBundle(jar(symbolicName).toUri().toString());
        bundle.start();
        return bundle;
    }

    private ShellCommand command(String name) {
        ShellCommand command = commands.get(name);
        if (command == null) {
            throw new AssertionError("no command " + name);
        }
        return command;
    }

    private ShellResult run(String command, String... words) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(words));
        Set<String> flags =
                Set.of("-f", "-l").stream().filter(arguments::remove).collect(Collectors.toSet());
        return command(command).action().run(new TestInvocation(arguments, flags));
    }

    private void assertLine(String line, Errno errno, String command, String... words) {
        ErrnoException e = assertThrows(ErrnoException.class, () -> run(command, words));
        assertEquals(line, e.getMessage());
        assertEquals(errno, e.errno());
    }

    private static List<List<Object>> rows(ShellResult result) {
        return ((ShellResult.Listing) result)
                .rows().stream().<List<Object>>map(ArrayList::new).toList();
    }

    @Test
    void stoppedBundleUnregistersItsParent() throws Exception {
        TestMtty mtty = new TestMtty();
        Bundle vendor = load("vendor.mtty");
        service(vendor.getBundleContext(), ParentRegistry.class).registerDevice(TestMtty.DEVICE, mtty);
        assertEquals("mtty", rows(run("mdev:lsmod")).getLast().getFirst());
        run("mdev:create", "mtty", "mtty-2");
        Sysfs sysfs = service(context, Sysfs.class);
        assertNotNull(sysfs.lookup("/sys/class/mdev_bus/mtty/mdev_supported_types", true));
        vendor.stop();
        assertTrue(mtty.balanced());
        assertErrno(Errno.ENOENT, () -> sysfs.lookup("/sys/class/mtty", true));
        assertErrno(Errno.ENOENT, () -> sysfs.lookup("/sys/module/mtty", true));
        vendor.start();
        service(vendor.getBundleContext(), ParentRegistry.class).registerDevice(TestMtty.DEVICE, new TestMtty());
        vendor.uninstall();
        assertEquals(1, rows(run("mdev:lsmod")).size());
    }

    @Test
    void modulesListTheirUsers() throws Exception {
        Bundle vendor = load("vendor.mtty");
        Bundle bus = load("vfio.mdev");
        Module vfio = (Module) service(bus.getBundleContext(), DriverRegistry.class);
        TestVfio driver = new TestVfio(vfio);
        vfio.registerDriver(driver);
        service(vendor.getBundleContext(), ParentRegistry.class).registerDevice(TestMtty.DEVICE, new TestMtty());
        String uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
        run("mdev:create", "mtty", "mtty-1", uuid);
        driver.user = Optional.of("a test");
        List<String> users = List.of(uuid + " by a test");
        assertEquals(
                List.of(
                        new LoadedModule("mdev", 0, List.of("module vfio_mdev", "module mtty")),
                        new LoadedModule("vfio_mdev", bus.getBundleId(), users),
                        new LoadedModule("mtty", vendor.getBundleId(), users)),
                component.modules());
        assertEquals(
                List.of(
                        uuid,
                        "mtty",
                        "mtty-1",
                        "vfio_mdev",
                        0,
                        "active",
                        "a test",
                        "mdev_83b8f4f2_509f_382f_3c1e_e6bfe0fa1001_mtty",
                        "mtty-1",
                        "manual",
                        List.of()),
                rows(run("mdev:list")).getFirst());
        vendor.uninstall();
        assertTrue(rows(run("mdev:list")).isEmpty());
        assertEquals(0, driver.bound());
    }

    @Test
    void errorIsOneLineWithARemedy() throws Exception {
        assertUnknown("no parent 'mtty'", List.of(), Errno.ENODEV, "mdev:create", "mtty", "mtty-1");
        Bundle vendor = load("vendor.mtty");
        service(vendor.getBundleContext(), ParentRegistry.class).registerDevice(TestMtty.DEVICE, new TestMtty());
        assertUnknown("no parent 'mty'", List.of("mtty"), Errno.ENODEV, "mdev:types", "mty");
        assertUnknown(
                "no type 'mtty-3' on mtty", List.of("mtty-1", "mtty-2"), Errno.ENODEV, "mdev:create", "mtty", "mtty-3");
        assertLine("expected a UUID of 36 characters, not 3", Errno.EINVAL, "mdev:create", "mtty", "mtty-1", "abc");
        assertUnknown("no device 'x'", List.of(), Errno.ENODEV, "mdev:show", "x");
        List<String> top = List.of("bus", "class", "devices", "kernel", "module");
        assertUnknown("no /sys/clas", top, Errno.ENOENT, "sysfs:ls", "/sys/clas");
        assertLine("/sys/bus is a directory", Errno.EISDIR, "sysfs:cat", "/sys/bus");
        assertTrue(rows(run("mdev:list")).isEmpty());
    }

    private void assertUnknown(String line, List<String> known, Errno errno, String command, String... words) {
        UnknownNameException e = assertThrows(UnknownNameException.class, () -> run(command, words));
        assertEquals(line, e.getMessage());
        assertEquals(known, e.known());
        assertEquals(errno, e.errno());
    }

    @Test
    void listingsAndTree() throws Exception {
        Bundle vendor = load("vendor.mtty");
        service(vendor.getBundleContext(), ParentRegistry.class).registerDevice(TestMtty.DEVICE, new TestMtty());
        assertEquals(
                List.of(List.of("mtty", "mtty", "vendor.mtty", 2, 0L, "/sys/devices/virtual/mtty/mtty")),
                rows(run("mdev:parents")));
        assertEquals(2, rows(run("mdev:types")).size());
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(output, true, StandardCharsets.UTF_8);
        command("mdev:create").action().run(new TestInvocation(List.of("mtty", "mtty-2"), Set.of(), out));
        String uuid = output.toString(StandardCharsets.UTF_8).strip();
        ShellResult.Details details = (ShellResult.Details) run("mdev:show", uuid);
        assertEquals("vfio-pci", details.fields().get("device_api"));
        assertEquals(
                Map.of("vendor/sample_mdev_dev", "This is MDEV " + uuid),
                details.fields().get("attributes"));
        assertEquals(
                List.of("d", "-", "l"),
                rows(run("sysfs:ls", "-l", "/sys/bus/mdev/devices/" + uuid + "/")).stream()
                        .map(row -> row.getFirst().toString().substring(0, 1))
                        .distinct()
                        .sorted(Comparator.comparingInt("d-l"::indexOf))
                        .toList());
        assertTrue(((ShellResult.Text) run("sysfs:tree")).text().contains("└── "));
        run("sysfs:write", "/sys/bus/mdev/drivers_autoprobe", "0");
        assertEquals("0\n", ((ShellResult.Text) run("sysfs:cat", "bus/mdev/drivers_autoprobe")).text());
        assertEquals(
                List.of("/sys/class/mdev_bus/", "/sys/class/misc/", "/sys/class/mtty/"),
                command("sysfs:ls").parameters().getFirst().candidates().candidates(List.of(), "/sys/class/m"));
        run("mdev:remove", uuid);
        assertTrue(rows(run("mdev:list")).isEmpty());
        assertTrue(rows(run("mdev:drivers")).isEmpty());
    }
}
