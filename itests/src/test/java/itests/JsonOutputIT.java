package itests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The output of commands with {@code --json}. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class JsonOutputIT {
    private static final String IDLE = BusyPlatform.IDLE;
    private static final String DEVICE = "/sys/bus/mdev/devices/" + IDLE;

    private final Mdev mdev = Mdev.here();
    private BusyPlatform platform;

    @BeforeAll
    void start() throws Exception {
        platform = BusyPlatform.start();
    }

    @AfterAll
    void stop() throws Exception {
        platform.close();
    }

    /** @param keys the keys of an object, or of each object of an array */
    record Listing(String command, int rows, List<String> keys) {}

    private static final List<Listing> LISTINGS = List.of(
            new Listing("mdev:lsmod", 3, List.of("module", "version", "bundle", "state", "used_by", "devices")),
            new Listing("mdev:parents", 1, List.of("parent", "module", "bundle", "types", "devices", "path")),
            new Listing(
                    "mdev:types",
                    2,
                    List.of("parent", "type", "name", "device_api", "available_instances", "description")),
            new Listing(
                    "mdev:list",
                    BusyPlatform.DEVICES,
                    List.of(
                            "uuid",
                            "parent",
                            "type",
                            "driver",
                            "group",
                            "state",
                            "user",
                            "name",
                            "mdev_type",
                            "start",
                            "attrs")),
            new Listing(
                    "mdev:show " + IDLE,
                    1,
                    List.of(
                            "uuid",
                            "name",
                            "state",
                            "parent",
                            "module",
                            "type",
                            "device_api",
                            "driver",
                            "group",
                            "user",
                            "path",
                            "attributes",
                            "socket",
                            "qemu",
                            "qemu_memory",
                            "libvirt",
                            "libvirt_memory")),
            new Listing("mdev:drivers", 1, List.of("driver", "bundle", "devices", "path")),
            new Listing("sysfs:ls /sys/class/mdev_bus", 1, List.of("name")),
            new Listing("sysfs:ls -l /sys/class/mdev_bus", 1, List.of("mode", "size", "name", "target")),
            new Listing(
                    "vfio:groups",
                    BusyPlatform.DEVICES,
                    List.of("group", "devices", "holder", "container", "iommu", "viable")),
            new Listing(
                    "vfio:info " + IDLE,
                    1,
                    List.of(
                            "uuid",
                            "parent",
                            "type",
                            "device_api",
                            "group",
                            "user",
                            "regions",
                            "irqs",
                            "dma_read_bytes",
                            "dma_write_bytes",
                            "vfio_user")));

    @Test
    void everyListingPrintsJson() throws Exception {
        String line = LISTINGS.stream()
                .map(listing -> listing.command() + " --json")
                .reduce((some, more) -> some + "; " + more)
                .orElseThrow();
        List<JsonNode> answers = new ArrayList<>();
        ObjectMapper mapper = new ObjectMapper();
        try (JsonParser text = mapper.createParser(platform.shell(line).ok())) {
            for (JsonNode answer = mapper.readTree(text); answer != null; answer = mapper.readTree(text)) {
                answers.add(answer);
            }
        }
        assertEquals(LISTINGS.size(), answers.size());
        for (int i = 0; i < answers.size(); i++) {
            Listing listing = LISTINGS.get(i);
            List<JsonNode> rows = new ArrayList<>();
            if (answers.get(i).isArray()) {
                answers.get(i).forEach(rows::add);
            } else {
                rows.add(answers.get(i));
            }
            assertEquals(listing.rows(), rows.size(), listing.command());
            for (JsonNode row : rows) {
                List<String> keys = new ArrayList<>();
                row.fieldNames().forEachRemaining(keys::add);
                assertEquals(listing.keys(), keys, listing.command());
            }
        }
    }

    @Test
    void createAndRemovePrintJson() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        String device = BusyPlatform.uuid(3);
        assertEquals(
                "{\"uuid\":\"" + device + "\"}\n",
                platform.shell("mdev:remove " + device + " --json").ok());
        assertEquals("", platform.shell("mdev:create mtty mtty-2 " + device).ok());
        assertEquals("", platform.shell("mdev:remove " + device).ok());
        String created = platform.shell("mdev:create mtty mtty-2").ok();
        assertTrue(created.matches("[0-9a-f-]{36}\n"), created);
        platform.shell("mdev:remove " + created.strip()).ok();
        assertEquals(
                device,
                mapper.readTree(platform.shell("mdev:create mtty mtty-2 " + device + " --json")
                                .ok())
                        .get("uuid")
                        .asText());
    }

    /** Starts a command that runs until it is interrupted; returns its first line once {@code event} has caused one. */
    private String first(String command, Callable<?> event) throws Exception {
        Process process = mdev.command("--run", platform.run(), "-c", command).start();
        try (BufferedReader out = process.inputReader()) {
            Wait.until(command + " prints", () -> {
                event.call();
                return out.ready();
            });
            return out.readLine();
        } finally {
            process.destroy();
            Mdev.end(process);
        }
    }

    @Test
    void monitorAndTracePrintJsonLines() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        JsonNode event = mapper.readTree(first(
                "mdev:monitor --json",
                () -> platform.shell("sysfs:write " + DEVICE + "/uevent change").ok()));
        assertEquals("change", event.get("ACTION").asText());
        assertTrue(event.get("DEVPATH").asText().endsWith(IDLE), event.toString());

        var socket = UnixDomainSocketAddress.of(platform.socket(IDLE));
        JsonNode message = mapper.readTree(first(
                "vfio:trace --json " + IDLE, () -> SocketChannel.open(socket).shutdownOutput()));
        assertTrue(message.get("time").asText().matches("\\d\\d:\\d\\d:.*"), message.toString());
        assertTrue(message.hasNonNull("message"), message.toString());
    }
}
