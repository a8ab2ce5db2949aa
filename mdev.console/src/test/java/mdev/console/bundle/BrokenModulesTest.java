package mdev.console.bundle;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import mdev.console.MemoryTerminal;
import mdev.console.bundle.broken.Throwing;
import mdev.console.bundle.broken.Unlinkable;
import mdev.console.bundle.broken.Working;
import mdev.console.engine.TestPlatform;
import mdev.console.shell.Shell;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.osgi.framework.BundleContext;
import org.osgi.framework.launch.Framework;
import org.osgi.service.component.runtime.ServiceComponentRuntime;

/** {@code modprobe} of modules whose components fail to start, against a real Felix with its DS. */
class BrokenModulesTest {
    @TempDir
    private static Path temp;

    private static Framework framework;

    @BeforeAll
    static void start() throws Exception {
        framework = TestModules.framework(temp);
    }

    @AfterAll
    static void stop() throws Exception {
        framework.stop();
        framework.waitForStop(10_000);
    }

    record Broken(TestModules.Module module, String reason) {
        Broken(String name, int major, List<String> components, String reason) {
            this(new TestModules.Module(name, major, components), reason);
        }

        @Override
        public String toString() {
            return module.name();
        }
    }

    static Stream<Broken> broken() {
        String working = Working.class.getName();
        return Stream.of(
                new Broken("throws", 0, List.of(Throwing.class.getName() + ",,"), "the port 0x3f8 is taken (EINVAL)"),
                new Broken(
                        "too.new",
                        TestModules.NEWER_THAN_ANY_JAVA,
                        List.of(working + ",,"),
                        "mdev/console/bundle/broken/Working has been compiled by a more recent version of the Java"
                                + " Runtime (class file version 999.0), this version of the Java Runtime only recognizes"
                                + " class file versions up to "
                                + (Runtime.version().feature() + 44) + ".0 (EINVAL)"),
                new Broken(
                        "unlinkable",
                        0,
                        List.of(Unlinkable.class.getName() + ",,"),
                        "ClassNotFoundException: mdev.console.bundle.broken.Unlinkable$Nowhere (EINVAL)"),
                new Broken("no.class", 0, List.of("not.There,,"), "not.There not found by test.no.class [ID] (EINVAL)"),
                new Broken(
                        "circular",
                        0,
                        List.of(
                                working + ",java.lang.Runnable,java.lang.AutoCloseable",
                                working + ",java.lang.AutoCloseable,java.lang.Runnable"),
                        "circular references: c0 waits for java.lang.AutoCloseable; c1 waits for java.lang.Runnable"
                                + " (ENODEV)"),
                new Broken("lonely", 0, List.of(working + ",,not.There"), "c0 waits for not.There (ENODEV)"));
    }

    @ParameterizedTest
    @MethodSource("broken")
    void rejectsAModuleThatDoesNotStartWithTheReason(Broken broken) throws Exception {
        BundleContext context = framework.getBundleContext();
        int before = context.getBundles().length;
        Path jar = TestModules.write(temp.resolve(broken.module().name() + ".jar"), broken.module());
        MemoryTerminal terminal = new MemoryTerminal();
        BundleLifeCycle bundles = new BundleLifeCycle(context);
        bundles.components = context.getService(context.getServiceReference(ServiceComponentRuntime.class));
        BundleCommands commands =
                new BundleCommands(context, bundles, new LiveReplacement(context, bundles), new Ending());
        try (TestPlatform platform = new TestPlatform()) {
            commands.commands().forEach(platform::add);
            try (Shell shell = platform.shell(terminal)) {
                int status = shell.run("mdev:modprobe " + jar).status();
                String answer = terminal.takeErr().replaceAll("\\[\\d+\\]", "[ID]");
                assertAll(
                        () -> assertEquals("mdev:modprobe: " + jar + ": " + broken.reason() + "\n", answer),
                        () -> assertEquals(1, status),
                        () -> assertEquals(before, context.getBundles().length, "nothing is left"));
            }
        }
    }
}
