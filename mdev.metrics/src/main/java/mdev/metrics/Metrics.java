package mdev.metrics;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import mdev.api.metrics.MetricSource;
import mdev.config.CheckedProperties;
import mdev.config.IntKey;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.metatype.annotations.Designate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers scrapers on the UNIX socket {@code RUN/metrics}, and, if configured, on a port of the loopback interface. */
@Component(immediate = true, configurationPid = MetricsConfig.PID)
@Designate(ocd = MetricsConfig.class)
public final class Metrics {
    private static final Logger LOG = LoggerFactory.getLogger(Metrics.class);
    private static final IntKey PORT = new IntKey("port", 0, MetricsConfig.MAX_PORT, 0);

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<MetricSource> sources = List.of();

    private final @Nullable Path path;
    private final Exposition exposition = new Exposition(() -> sources);

    /** DS alone uses both, one call at a time. */
    private @Nullable MetricsServer local;

    private @Nullable MetricsServer remote;
    private int port;

    @Activate
    public Metrics(BundleContext context) {
        String run = context.getProperty("mdev.run");
        path = run == null ? null : Path.of(run, "metrics");
    }

    @Activate
    void open(Map<String, Object> properties) {
        if (path != null) {
            local = serve(path.toString(), () -> listen(path));
        }
        configure(properties);
    }

    @Modified
    void configure(Map<String, Object> properties) {
        int asked = new CheckedProperties(MetricsConfig.PID, properties, PORT).get(PORT);
        if (asked != port) {
            close(remote);
            port = asked;
            remote = asked == 0 ? null : serve("port " + asked, () -> listen(asked));
        }
    }

    @Deactivate
    void close() throws IOException {
        close(remote);
        close(local);
        exposition.close();
        if (path != null) {
            Files.deleteIfExists(path);
        }
    }

    private interface Listener {
        ServerSocketChannel open() throws IOException;
    }

    private @Nullable MetricsServer serve(String where, Listener listener) {
        try {
            MetricsServer server = new MetricsServer(listener.open(), exposition::text); // closed in close()
            server.start();
            return server;
        } catch (IOException | RuntimeException e) {
            LOG.warn("metrics are not served on {}: {}", where, e.getMessage());
            return null;
        }
    }

    private static ServerSocketChannel listen(Path path) throws IOException {
        Files.deleteIfExists(path); // left by a killed platform: no other platform uses this directory
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        channel.bind(UnixDomainSocketAddress.of(path));
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
        return channel;
    }

    private static ServerSocketChannel listen(int port) throws IOException {
        return ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    }

    private static void close(@Nullable MetricsServer server) {
        if (server != null) {
            server.close();
        }
    }
}
