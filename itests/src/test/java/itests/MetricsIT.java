package itests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.vm.Platform;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** A scrape of a running platform, as by Prometheus. */
final class MetricsIT {
    private static final String DEVICE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String REQUEST = "GET /metrics HTTP/1.1\r\nHost: mdev\r\n\r\n";
    private static final Pattern SAMPLE = Pattern.compile(
            "([a-z_][a-z0-9_]*)(\\{(?:[a-z_]+=\"(?:[^\"\\\\\n]|\\\\[\"\\\\n])*\",?)*})? (-?[0-9.E+-]+|NaN|[+-]Inf)");

    private static String scrape(Path socket) throws IOException {
        try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            client.write(ByteBuffer.wrap(REQUEST.getBytes(UTF_8)));
            return body(new String(Channels.newInputStream(client).readAllBytes(), UTF_8));
        }
    }

    private static String body(String response) {
        int end = response.indexOf("\r\n\r\n");
        assertTrue(response.startsWith("HTTP/1.1 200 OK\r\n"), response);
        assertTrue(response.substring(0, end).contains("application/openmetrics-text; version=1.0.0"), response);
        return response.substring(end + 4);
    }

    /** Checks the text by the rules of OpenMetrics 1.0; returns the values of the samples. */
    private static Map<String, Double> samples(String text) {
        Map<String, Double> samples = new HashMap<>();
        Map<String, String> types = new HashMap<>();
        Set<String> ended = new HashSet<>();
        String family = "";
        List<String> lines = text.lines().toList();
        assertEquals("# EOF", lines.getLast());
        for (String line : lines.subList(0, lines.size() - 1)) {
            if (line.startsWith("# ")) {
                String[] words = line.split(" ", 4);
                if (!words[2].equals(family)) {
                    assertTrue(ended.add(words[2]), () -> "the family stands twice: " + line);
                    family = words[2];
                }
                if (words[1].equals("TYPE")) {
                    types.put(family, words[3]);
                }
                continue;
            }
            Matcher sample = SAMPLE.matcher(line);
            assertTrue(sample.matches(), line);
            String type = types.getOrDefault(family, "unknown");
            String suffix = sample.group(1).substring(family.length());
            assertTrue(sample.group(1).startsWith(family), line);
            switch (type) {
                case "counter" -> assertTrue(suffix.matches("_total|_created"), line);
                case "gauge" -> assertEquals("", suffix, line);
                default -> assertTrue(suffix.matches("|_info|_count|_sum|_bucket|_created"), line);
            }
            String name = sample.group(1) + (sample.group(2) == null ? "" : sample.group(2));
            double value = Double.parseDouble(sample.group(3).replace("Inf", "Infinity"));
            assertEquals(null, samples.put(name, value), () -> "it stands twice: " + line);
        }
        return samples;
    }

    /** The first message of a vfio-user client. */
    private static ByteBuffer version() {
        byte[] capabilities = "{}\0".getBytes(UTF_8);
        int size = 16 + 4 + capabilities.length;
        ByteBuffer message = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
        message.putShort((short) 1).putShort((short) 1).putInt(size).putInt(0).putInt(0);
        return message.putInt(0).put(capabilities).flip();
    }

    @Test
    void scrapeCountsDevicesAndClients() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        try (Platform platform = Platform.start("--load", "vendor.mtty", "--set", "mdev.metrics.port=" + port)) {
            Path socket = platform.run().resolve("metrics");
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
            Map<String, Double> before = samples(scrape(socket));
            assertEquals(1, before.get("mdev_parents"));
            assertEquals(0, before.get("mdev_module_faults_total{module=\"mtty\"}"));
            assertTrue(before.get("jvm_threads_current") > 1, before.toString());
            assertFalse(before.keySet().stream().anyMatch(name -> name.startsWith("mdev_devices")));

            platform.run("mdev:create mtty mtty-2 " + DEVICE).ok();
            try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(
                    platform.run().resolve("vfio-user").resolve(DEVICE + ".sock")))) {
                client.write(version());
                Wait.until(
                        "the connection is counted",
                        () -> samples(scrape(socket))
                                        .getOrDefault("vfio_user_connections_total{device=\"" + DEVICE + "\"}", 0.0)
                                == 1);
                Map<String, Double> after = samples(scrape(socket));
                assertEquals(1, after.get("mdev_devices{parent=\"mtty\",type=\"mtty-2\"}"));
                assertEquals(1, after.get("mdev_driver_devices{driver=\"vfio_mdev\"}"));
                assertEquals(1, after.get("vfio_groups"));
            }
            try (Socket tcp = new Socket(InetAddress.getLoopbackAddress(), port)) {
                tcp.getOutputStream().write(REQUEST.getBytes(UTF_8));
                assertEquals(
                        1,
                        samples(body(new String(tcp.getInputStream().readAllBytes(), UTF_8)))
                                .get("mdev_parents"));
            }
            platform.stop();
            assertFalse(Files.exists(socket));
            assertEquals("", platform.errors());
        }
    }
}
