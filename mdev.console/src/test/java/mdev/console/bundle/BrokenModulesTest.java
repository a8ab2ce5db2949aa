package mdev.console.bundle;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import mdev.console.Ending;
import mdev.console.MemoryTerminal;
import mdev.console.bundle.broken.Throwing;
import mdev.console.bundle.broken.Working;
import mdev.console.engine.TestPlatform;
import mdev.console.shell.Shell;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.launch.FrameworkFactory;
import org.osgi.service.component.runtime.ServiceComponentRuntime;

/** {@code modprobe} of modules whose components do not come up, against a real Felix with its DS. */
class BrokenModulesTest {
    private static final String SHARED = "org.osgi.service.component;version=1.5.1,"
            + "org.osgi.service.component.runtime;version=1.5.0,org.osgi.service.component.runtime.dto;version=1.5.0,"
            + "org.osgi.util.promise;version=1.3.0,org.osgi.util.function;version=1.2.0";
    private static final int NEWER_THAN_ANY_JAVA = 999;

    @TempDir
    private static Path temp;

    private static Framework framework;

    @BeforeAll
    static void start() throws Exception {
        framework = ServiceLoader.load(FrameworkFactory.class)
                .findFirst()
                .orElseThrow()
                .newFramework(Map.of(
                        "felix.log.level",
                        "0",
                        "ds.log.enabled",
                        "false",
                        Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA,
                        SHARED,
                        Constants.FRAMEWORK_STORAGE,
                        temp.resolve("cache").toString()));
        framework.start();
        String scr = Stream.of(System.getProperty("java.class.path").split(":"))
                .filter(jar -> jar.contains("org.apache.felix.scr"))
                .findFirst()
                .orElseThrow();
        framework.getBundleContext().installBundle("file:" + scr).start();
    }

    @AfterAll
    static void stop() throws Exception {
        framework.stop();
        framework.waitForStop(10_000);
    }

    /**
     * @param components each "class, service it provides, service it needs"; the last two may be empty
     * @param reason on the one line
     */
    record Broken(String name, int major, List<String> components, String reason) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Broken> broken() {
        String working = Working.class.getName();
        return Stream.of(
                new Broken("throws", 0, List.of(Throwing.class.getName() + ",,"), "the port 0x3f8 is taken (EINVAL)"),
                new Broken(
                        "too.new",
                        NEWER_THAN_ANY_JAVA,
                        List.of(working + ",,"),
                        "mdev/console/bundle/broken/Working has been compiled by a more recent version of the Java"
                                + " Runtime (class file version 999.0), this version of the Java Runtime only recognizes"
                                + " class file versions up to "
                                + (Runtime.version().feature() + 44) + ".0 (EINVAL)"),
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
    void aModuleThatDoesNotComeUpIsRefusedWithItsReason(Broken broken) throws Exception {
        BundleContext context = framework.getBundleContext();
        int before = context.getBundles().length;
        Path jar = jar(broken);
        MemoryTerminal terminal = new MemoryTerminal();
        BundleCommands commands = new BundleCommands(context, new Ending());
        commands.components = context.getService(context.getServiceReference(ServiceComponentRuntime.class));
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

    private static Path jar(Broken broken) throws IOException {
        Manifest manifest = new Manifest();
        Attributes headers = manifest.getMainAttributes();
        headers.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        headers.putValue("Bundle-ManifestVersion", "2");
        headers.putValue("Bundle-SymbolicName", "test." + broken.name());
        headers.putValue("Service-Component", "OSGI-INF/*.xml");
        Path file = temp.resolve(broken.name() + ".jar");
        try (OutputStream stream = Files.newOutputStream(file);
                JarOutputStream jar = new JarOutputStream(stream, manifest)) {
            for (Class<?> type : List.of(Throwing.class, Working.class)) {
                String name = type.getName().replace('.', '/') + ".class";
                try (InputStream code = type.getResourceAsStream("/" + name)) {
                    byte[] bytes = code.readAllBytes();
                    if (broken.major() != 0) {
                        bytes[6] = (byte) (broken.major() >> 8);
                        bytes[7] = (byte) broken.major();
                    }
                    put(jar, name, bytes);
                }
            }
            for (int i = 0; i < broken.components().size(); i++) {
                String xml = component("c" + i, broken.components().get(i).split(",", -1));
                put(jar, "OSGI-INF/c" + i + ".xml", xml.getBytes(StandardCharsets.UTF_8));
            }
        }
        return file;
    }

    private static String component(String name, String[] words) {
        String service = words[1].isEmpty() ? "" : "<service><provide interface='%s'/></service>".formatted(words[1]);
        String reference = words[2].isEmpty() ? "" : "<reference name='r' interface='%s'/>".formatted(words[2]);
        return "<scr:component xmlns:scr='http://www.osgi.org/xmlns/scr/v1.3.0' name='%s' immediate='true'>"
                        .formatted(name)
                + "<implementation class='%s'/>%s%s</scr:component>".formatted(words[0], service, reference);
    }

    private static void put(JarOutputStream jar, String name, byte[] bytes) throws IOException {
        jar.putNextEntry(new ZipEntry(name));
        jar.write(bytes);
        jar.closeEntry();
    }
}
