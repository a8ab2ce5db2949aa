package mdev.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import mdev.api.metrics.Metric;
import mdev.api.metrics.Metric.Sample;
import mdev.api.metrics.MetricSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Over a real UNIX socket. */
class MetricsServerTest {
    private final List<MetricSource> sources = new ArrayList<>();
    private final Exposition exposition = new Exposition(() -> List.copyOf(sources));
    private UnixDomainSocketAddress address;
    private MetricsServer server;

    @BeforeEach
    void listen(@TempDir Path temp) throws IOException {
        address = UnixDomainSocketAddress.of(temp.resolve("metrics"));
        server = new MetricsServer(
                ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address), exposition::text);
        server.start();
    }

    @AfterEach
    void close() {
        server.close();
        exposition.close();
    }

    private SocketChannel connect(String request) throws IOException {
        SocketChannel client = SocketChannel.open(address);
        client.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.ISO_8859_1)));
        return client;
    }

    private static String answer(SocketChannel client) throws IOException {
        try (client) {
            return new String(Channels.newInputStream(client).readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private String scrape() throws IOException {
        return answer(connect("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    }

    @Test
    void scrapePrintsTheMetricsOfSourcesAndOfTheJvm() throws IOException {
        sources.add(() -> List.of(
                Metric.gauge("mdev_parents", "Parents.", 3),
                Metric.counter(
                        "vfio_user_reads",
                        "Reads.",
                        List.of(new Sample(Map.of("device", "a\"b\n"), 7), new Sample(Map.of("device", "c"), 8)))));
        String text = scrape();
        assertTrue(
                text.startsWith("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0"), text);
        assertTrue(text.contains("# TYPE mdev_parents gauge\n# HELP mdev_parents Parents.\nmdev_parents 3.0\n"), text);
        assertTrue(text.contains("vfio_user_reads_total{device=\"a\\\"b\\n\"} 7.0\n"), text);
        assertTrue(text.contains("\njvm_threads_current "), text);
        assertTrue(text.endsWith("\n# EOF\n"), text);
    }

    @Test
    void faultySourceIsLeftOut() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch asked = new CountDownLatch(1);
        sources.add(() -> {
            throw new IllegalStateException("a bug");
        });
        sources.add(() -> {
            assertEquals(1, asked.getCount(), "it is not asked again while it hangs");
            asked.countDown();
            try {
                end.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return List.of();
        });
        sources.add(() -> List.of(
                Metric.gauge("good\n", "Nearly a name.", 1),
                Metric.gauge("good ", "Nearly the same.", 2),
                Metric.gauge("jvm_threads_current", "Taken.", -7),
                Metric.gauge("twice", "Twice.", List.of(new Sample(Map.of(), 1), new Sample(Map.of(), 2))),
                Metric.counter("negative", "Wrong.", List.of(new Sample(Map.of(), -1))),
                Metric.gauge("good", "Good.", 5)));
        for (int scrape = 0; scrape < 2; scrape++) {
            String text = scrape();
            assertTrue(text.contains("\ngood 5.0\n"), text);
            assertTrue(text.contains("\ntwice 1.0\n"), text);
            assertFalse(text.contains("-7.0") || text.contains("negative"), text);
            assertTrue(text.endsWith("# EOF\n"), text);
        }
        assertEquals(0, asked.getCount());
        end.countDown();
    }

    @ParameterizedTest
    @CsvSource({
        "'GET / HTTP/1.1\r\n\r\n', 404",
        "'GET /metrics?name[]=x HTTP/1.0\r\n\r\n', 200",
        "'POST /metrics HTTP/1.1\r\n\r\n', 405",
        "'GET /metrics\r\n\r\n', 400",
        "'\r\n\r\n', 400",
    })
    void requestIsAnswered(String request, String status) throws IOException {
        String answer = answer(connect(request));
        assertTrue(answer.startsWith("HTTP/1.1 " + status + " "), answer);
    }

    @Test
    void longRequestIsRejected() throws IOException {
        String answer = answer(connect("GET /metrics HTTP/1.1\r\n" + "x".repeat(8192 - 23)));
        assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
    }

    @Test
    void silentClientsTimeOut() throws IOException {
        List<SocketChannel> silent = new ArrayList<>();
        for (int i = 0; i < MetricsServer.CLIENTS; i++) {
            silent.add(connect("GET /metr"));
        }
        assertTrue(scrape().startsWith("HTTP/1.1 200 "), "they had the slots");
        for (SocketChannel client : silent) {
            assertEquals("", answer(client));
        }
    }
}
