package mdev.fuse.uevent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.config.CheckedProperties;
import mdev.config.IntKey;
import mdev.fuse.thread.Threads;
import mdev.linux.LinuxException;
import mdev.linux.UnixServerSocket;
import mdev.linux.UnixSocket;
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
    private static final Duration LONG = Duration.ofDays(1);

    private static final IntKey READERS = new IntKey("maxReaders", 1, UeventConfig.MAX_READERS, UeventConfig.READERS);

    private final @Nullable Path path;
    private final LimitedLog refusals = new LimitedLog();
    private volatile int mostReaders = UeventConfig.READERS;
    private volatile @Nullable UnixServerSocket socket;
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

    private @Nullable UnixServerSocket tryListen(Path path) {
        try {
            Files.deleteIfExists(path); // left by a killed platform: no other platform uses this directory
            UnixServerSocket listening = UnixServerSocket.listen(path, BACKLOG, 0);
            try {
                Threads.start("mdev-uevents-accept", () -> accept(listening));
            } catch (RuntimeException | Error e) { // no thread could be started
                listening.close();
                throw e;
            }
            return listening;
        } catch (LinuxException | IOException e) {
            log.warn("uevents are not streamed on {}: {}", path, e.getMessage());
            return null;
        }
    }

    private void accept(UnixServerSocket listening) {
        while (!closed) {
            try {
                listening.accept(LONG).ifPresent(this::add);
            } catch (LinuxException e) {
                if (closed) {
                    return;
                }
                faults.report("accepting a reader", e);
                // Out of descriptors: the connection remains pending and would be reported again at once.
                var _ = Deadline.in(PAUSE).poll(PAUSE, () -> closed);
            }
        }
    }

    private void add(UnixSocket connection) {
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
        UnixServerSocket listening = socket;
        if (listening != null) {
            listening.close();
        }
        readers.forEach(UeventReader::close);
    }
}
