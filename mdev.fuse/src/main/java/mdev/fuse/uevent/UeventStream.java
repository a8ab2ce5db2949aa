package mdev.fuse.uevent;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.config.CheckedProperties;
import mdev.config.IntKey;
import mdev.fuse.thread.Threads;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import mdev.sync.LimitedLog;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.metatype.annotations.Designate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Streams uevents to programs: a client of the UNIX socket {@code RUN/uevents} receives each event from then on as a
 * line of JSON, with the kernel's keys in the kernel's order. A reader that falls behind loses only its own events, and
 * receives the line {@code {"LOST":"<how many>"}} in their place.
 */
@Component(service = UeventListener.class, immediate = true, configurationPid = UeventConfig.PID)
@Designate(ocd = UeventConfig.class)
public final class UeventStream implements UeventListener, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(UeventStream.class);

    /** The file name in the run directory. */
    private static final String NAME = "uevents";

    private static final int BACKLOG = 128;
    private static final Duration PAUSE = Duration.ofMillis(100);

    private static final IntKey READERS = new IntKey("maxReaders", 1, UeventConfig.MAX_READERS, UeventConfig.READERS);

    private final @Nullable Path path;
    private final LimitedLog refusals = new LimitedLog();
    private volatile int mostReaders = UeventConfig.READERS;
    private volatile @Nullable ServerSocketChannel socket;
    private final Set<UeventReader> readers = ConcurrentHashMap.newKeySet();
    private final FaultLog faults = new FaultLog(log, "the stream of uevents");
    private volatile boolean closed;

    @Activate
    public UeventStream(BundleContext context, Map<String, Object> properties) {
        String run = context.getProperty("mdev.run");
        this(run == null ? null : Path.of(run, NAME));
        configure(properties);
    }

    /** For the readers that come from now on. */
    @Modified
    void configure(Map<String, Object> properties) {
        mostReaders = new CheckedProperties(UeventConfig.PID, properties, READERS).get(READERS);
    }

    /** @param path where to listen; null to not listen */
    public UeventStream(@Nullable Path path) {
        this.path = path;
    }

    /** Starts accepting readers. */
    @Activate
    public void listen() {
        socket = path == null ? null : tryListen(path); // closed in close()
    }

    /** Uses the JDK's sockets: they initialize faster than those of mdev.linux. */
    private @Nullable ServerSocketChannel tryListen(Path path) {
        try {
            Files.deleteIfExists(path); // left by a killed platform: no other platform uses this directory
            ServerSocketChannel listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                listening.bind(UnixDomainSocketAddress.of(path), BACKLOG);
                Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
                Threads.start("mdev-uevents-accept", () -> accept(listening));
            } catch (IOException | RuntimeException | Error e) { // no thread could be started
                listening.close();
                Files.deleteIfExists(path);
                throw e;
            }
            return listening;
        } catch (IOException | RuntimeException e) {
            log.warn("uevents are not streamed on {}: {}", path, e.getMessage());
            return null;
        }
    }

    private void accept(ServerSocketChannel listening) {
        while (!closed) {
            try {
                add(listening.accept());
            } catch (IOException e) {
                if (closed) {
                    return;
                }
                faults.report("accepting a reader", e);
                // Out of descriptors: the connection remains pending and would be reported again at once.
                var _ = Deadline.in(PAUSE).poll(PAUSE, () -> closed);
            }
        }
    }

    private void add(SocketChannel connection) throws IOException {
        int most = mostReaders;
        if (readers.size() >= most) {
            connection.close();
            refusals.log(more -> log.warn("a reader of uevents is refused: there are {}{}", most, more));
            return;
        }
        UeventReader reader = new UeventReader(connection, readers::remove);
        readers.add(reader); // removed when it ends
        reader.start();
        if (closed) {
            reader.close();
        }
    }

    @Override
    public void uevent(Uevent event) {
        if (!readers.isEmpty()) {
            byte[] line = Line.of(event.env());
            readers.forEach(reader -> reader.offer(line));
        }
    }

    /** The number of readers. */
    int readers() {
        return readers.size();
    }

    @Override
    @Deactivate
    public void close() {
        closed = true;
        ServerSocketChannel listening = socket;
        if (path != null && listening != null) {
            try {
                listening.close();
                Files.deleteIfExists(path);
            } catch (IOException e) {
                log.warn("{} remains: {}", path, e.getMessage());
            }
        }
        readers.forEach(UeventReader::close);
    }
}
