package mdev.console.bundle;

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
import mdev.console.bundle.broken.Hanging;
import mdev.console.bundle.broken.Throwing;
import mdev.console.bundle.broken.Unlinkable;
import mdev.console.bundle.broken.Working;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.launch.FrameworkFactory;

/** A real Felix with its DS, and test modules for it. */
final class TestModules {
    private static final String SHARED = "org.osgi.service.component;version=1.5.1,"
            + "org.osgi.service.component.runtime;version=1.5.0,org.osgi.service.component.runtime.dto;version=1.5.0,"
            + "org.osgi.util.promise;version=1.3.0,org.osgi.util.function;version=1.2.0,"
            + "org.osgi.service.cm;version=1.6.0";
    static final int NEWER_THAN_ANY_JAVA = 999;

    private TestModules() {}

    /**
     * @param major version of its class files; 0 for the supported one
     * @param components each "class, provided service, required service"; the last two may be empty. Optionally a
     *     configuration policy and a name
     */
    record Module(String name, int major, List<String> components) {}

    /** @param temp for its cache, the drop folder and, if it exists, the folder of the settings */
    static Framework framework(Path temp) throws Exception {
        Path set = temp.resolve("set");
        Framework framework = ServiceLoader.load(FrameworkFactory.class)
                .findFirst()
                .orElseThrow()
                .newFramework(Map.of(
                        "felix.log.level",
                        "0",
                        "ds.log.enabled",
                        "false",
                        DropFolder.PROPERTY,
                        temp.resolve("drop").toString(),
                        Files.isDirectory(set) ? ConfigurationFolder.SET : "none",
                        set.toString(),
                        Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA,
                        SHARED,
                        Constants.FRAMEWORK_STORAGE,
                        temp.resolve("cache").toString()));
        framework.start();
        for (String name : List.of("org.apache.felix.configadmin", "org.apache.felix.scr")) {
            String bundle = Stream.of(System.getProperty("java.class.path").split(":"))
                    .filter(jar -> jar.contains(name))
                    .findFirst()
                    .orElseThrow();
            framework.getBundleContext().installBundle("file:" + bundle).start();
        }
        return framework;
    }

    static Path write(Path file, Module module) throws IOException {
        Manifest manifest = new Manifest();
        Attributes headers = manifest.getMainAttributes();
        headers.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        headers.putValue("Bundle-ManifestVersion", "2");
        headers.putValue("Bundle-SymbolicName", "test." + module.name());
        headers.putValue("Service-Component", "OSGI-INF/*.xml");
        try (OutputStream stream = Files.newOutputStream(file);
                JarOutputStream jar = new JarOutputStream(stream, manifest)) {
            for (Class<?> type : List.of(Hanging.class, Throwing.class, Unlinkable.class, Working.class)) {
                String name = type.getName().replace('.', '/') + ".class";
                try (InputStream code = type.getResourceAsStream("/" + name)) {
                    // Felix would find the class that must be missing on the class path of the test.
                    byte[] bytes = new String(code.readAllBytes(), StandardCharsets.ISO_8859_1)
                            .replace("$Missing", "$Nowhere")
                            .getBytes(StandardCharsets.ISO_8859_1);
                    if (module.major() != 0) {
                        bytes[6] = (byte) (module.major() >> 8);
                        bytes[7] = (byte) module.major();
                    }
                    put(jar, name, bytes);
                }
            }
            for (int i = 0; i < module.components().size(); i++) {
                String[] words = module.components().get(i).split(",", -1);
                String xml = component(words.length > 4 ? words[4] : "c" + i, words);
                put(jar, "OSGI-INF/c" + i + ".xml", xml.getBytes(StandardCharsets.UTF_8));
            }
        }
        return file;
    }

    private static String component(String name, String[] words) {
        String service = words[1].isEmpty() ? "" : "<service><provide interface='%s'/></service>".formatted(words[1]);
        String reference = words[2].isEmpty() ? "" : "<reference name='r' interface='%s'/>".formatted(words[2]);
        String policy = words.length > 3 ? words[3] : "optional";
        return "<scr:component xmlns:scr='http://www.osgi.org/xmlns/scr/v1.3.0' name='%s' immediate='true'"
                        .formatted(name)
                + " configuration-policy='%s'>".formatted(policy)
                + "<implementation class='%s'/>%s%s</scr:component>".formatted(words[0], service, reference);
    }

    private static void put(JarOutputStream jar, String name, byte[] bytes) throws IOException {
        jar.putNextEntry(new ZipEntry(name));
        jar.write(bytes);
        jar.closeEntry();
    }
}
