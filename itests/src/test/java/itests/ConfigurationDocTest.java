package itests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The table of {@code docs/configuration.md} equals the bundles' declarations ({@code OSGI-INF/metatype}). */
final class ConfigurationDocTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    /** PID, key, default, minimum and maximum; empty if absent. */
    private static List<String> documented() throws IOException {
        return Files.readAllLines(ROOT.resolve("docs/configuration.md")).stream()
                .filter(line -> line.startsWith("| `"))
                .map(line -> Arrays.stream(line.split("\\|", -1))
                        .skip(1)
                        .limit(5)
                        .map(cell -> cell.strip().replace("`", ""))
                        .toList()
                        .toString())
                .sorted()
                .toList();
    }

    private static List<String> declared() throws Exception {
        List<String> rows = new ArrayList<>();
        try (Stream<Path> jars =
                Files.find(ROOT, 3, (path, _) -> path.getFileName().toString().endsWith("-SNAPSHOT.jar"))) {
            for (Path jar :
                    jars.filter(jar -> jar.getParent().endsWith("target")).toList()) {
                addRows(jar, rows);
            }
        }
        return rows.stream().sorted().toList();
    }

    private static void addRows(Path jar, List<String> rows) throws Exception {
        try (JarFile file = new JarFile(jar.toFile())) {
            Enumeration<JarEntry> entries = file.entries();
            while (entries.hasMoreElements()) {
                JarEntry entry = entries.nextElement();
                if (entry.getName().matches("OSGI-INF/metatype/.*\\.xml")) {
                    try (InputStream in = file.getInputStream(entry)) {
                        rows.addAll(rows(DocumentBuilderFactory.newDefaultInstance()
                                .newDocumentBuilder()
                                .parse(in)));
                    }
                }
            }
        }
    }

    private static List<String> rows(Document metatype) {
        Map<String, String> pids = new HashMap<>();
        for (Element designate : elements(metatype.getDocumentElement(), "Designate")) {
            String pid = designate.getAttribute(designate.hasAttribute("factoryPid") ? "factoryPid" : "pid");
            pids.put(elements(designate, "Object").getFirst().getAttribute("ocdref"), pid);
        }
        return elements(metatype.getDocumentElement(), "OCD").stream()
                .flatMap(ocd -> elements(ocd, "AD").stream()
                        .map(ad -> Stream.of("id", "default", "min", "max")
                                .map(ad::getAttribute)
                                .map(value -> value.replace("\\ ", " ")) // lists are separated by spaces
                                .toList())
                        .map(ad -> Stream.concat(Stream.of(pids.get(ocd.getAttribute("id"))), ad.stream())
                                .toList()
                                .toString()))
                .toList();
    }

    private static List<Element> elements(Element parent, String name) {
        NodeList found = parent.getElementsByTagName(name);
        return IntStream.range(0, found.getLength())
                .mapToObj(i -> (Element) found.item(i))
                .toList();
    }

    @Test
    void tableMatchesTheBundlesDeclarations() throws Exception {
        List<String> documented = documented();
        assertEquals(declared(), documented);
        assertFalse(documented.isEmpty());
    }
}
