package vfio.user;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.DeviceDetails;
import mdev.api.shell.UnknownNameException;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDeviceListener;
import mdev.config.CheckedProperties;
import mdev.config.IntKey;
import mdev.config.TextKey;
import mdev.linux.LinuxException;
import mdev.linux.PeerSignals;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.metatype.annotations.Designate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.server.Acceptor;
import vfio.user.server.DeviceServer;
import vfio.user.session.ClientLimits;
import vfio.user.session.ClientLog;
import vfio.user.session.Options;
import vfio.user.session.Quarantine;
import vfio.user.session.ServedDevice;
import vfio.user.session.SocketAccess;
import vfio.user.session.Spinners;
import vfio.user.trace.MessageCounters;
import vfio.user.trace.TraceSwitch;

/**
 * Serves every device of VFIO on a socket with the device's name, which exists before the device's {@code create}
 * returns and is removed before its {@code remove} does.
 */
@Component(
        service = {VfioDeviceListener.class, DeviceDetails.class, VfioUser.class},
        configurationPid = VfioUserConfig.PID)
@Designate(ocd = VfioUserConfig.class)
public final class VfioUser implements VfioDeviceListener, DeviceDetails, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(VfioUser.class);

    /** Below the run directory. */
    private static final String DIRECTORY = "vfio-user";

    private static final String SUFFIX = ".sock";

    private static final IntKey SPINS = new IntKey("spins", 0, VfioUserConfig.MAX_SPINS, VfioUserConfig.SPINS);
    private static final IntKey TAKE_OVER =
            new IntKey("takeOverTimeout", 0, VfioUserConfig.MAX_TIMEOUT, VfioUserConfig.TAKE_OVER_TIMEOUT);
    private static final IntKey LEAVE =
            new IntKey("leaveTimeout", 0, VfioUserConfig.MAX_TIMEOUT, VfioUserConfig.LEAVE_TIMEOUT);
    private static final IntKey ANSWER =
            new IntKey("answerTimeout", 1, VfioUserConfig.MAX_TIMEOUT, VfioUserConfig.ANSWER_TIMEOUT);

    private static final IntKey VERSION =
            new IntKey("versionTimeout", 1, VfioUserConfig.MAX_TIMEOUT, VfioUserConfig.VERSION_TIMEOUT);
    private static final IntKey CONNECTIONS =
            new IntKey("maxConnections", 1, VfioUserConfig.MAX_COUNT, VfioUserConfig.CONNECTIONS);
    private static final IntKey FILES = new IntKey("maxFiles", 1, VfioUserConfig.MAX_COUNT, VfioUserConfig.FILES);
    private static final IntKey FILE_SIZE =
            new IntKey("maxFileSize", 1, VfioUserConfig.MAX_FILE_SIZE, VfioUserConfig.FILE_SIZE);
    private static final IntKey RESERVED =
            new IntKey("reservedDescriptors", 0, VfioUserConfig.MAX_COUNT, VfioUserConfig.RESERVED);
    private static final TextKey GROUP = new TextKey("group", Pattern.compile("[^:]*"), "a group", "");
    private static final TextKey MODE =
            new TextKey("socketMode", Pattern.compile("0?[0-7]{3}"), "a mode such as 0660", VfioUserConfig.SOCKET_MODE);

    private final @Nullable Path directory;
    private final Map<String, DeviceServer> servers = new ConcurrentHashMap<>();

    private volatile Options options;

    /** The monitor guards both: the shared part is created once, for the first device, and never after the close. */
    private @Nullable Shared shared;

    private boolean closed;

    /** Shared by the servers of all devices. */
    private record Shared(Acceptor acceptor, PeerSignals signals, Quarantine quarantine, Spinners spinners)
            implements AutoCloseable {
        static Shared create() throws LinuxException {
            PeerSignals signals = PeerSignals.create();
            try {
                return new Shared(
                        new Acceptor(),
                        signals,
                        new Quarantine(),
                        new Spinners(Runtime.getRuntime().availableProcessors()));
            } catch (LinuxException | RuntimeException | Error e) {
                signals.close();
                throw e;
            }
        }

        @Override
        public void close() {
            acceptor.close();
            signals.close();
            quarantine.close();
        }
    }

    @Activate
    public VfioUser(BundleContext context, Map<String, Object> properties) {
        this(directory(context.getProperty("mdev.run")), options(properties));
    }

    /** @param directory the directory of the sockets, created for the first device; null to serve nothing */
    public VfioUser(@Nullable Path directory, Options options) {
        this.directory = directory;
        this.options = options;
    }

    /** Removes the sockets left by a killed platform; no other platform uses this directory. */
    @Activate
    public void clear() {
        if (directory == null || !Files.isDirectory(directory)) {
            return;
        }
        try (DirectoryStream<Path> stale = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
            for (Path socket : stale) {
                Files.deleteIfExists(socket);
            }
        } catch (IOException e) {
            LOG.warn("{} is not cleared: {}", directory, e.toString());
        }
    }

    /** Applies to later connections and removals. */
    @Modified
    void configure(Map<String, Object> properties) {
        Options before = options;
        options = options(properties);
        if (!options.access().equals(before.access()) && directory != null && Files.isDirectory(directory)) {
            try {
                options.access().applyToDirectory(directory);
                for (DeviceServer server : servers.values()) {
                    options.access().applyTo(server.path());
                }
            } catch (IOException e) {
                LOG.warn(
                        "{}: group '{}' is not applied: {}",
                        VfioUserConfig.PID,
                        options.access().group(),
                        e.toString());
            }
        }
    }

    private static Options options(Map<String, Object> properties) {
        CheckedProperties checked = new CheckedProperties(
                VfioUserConfig.PID,
                properties,
                SPINS,
                TAKE_OVER,
                LEAVE,
                ANSWER,
                VERSION,
                CONNECTIONS,
                FILES,
                FILE_SIZE,
                RESERVED,
                GROUP,
                MODE);
        return new Options(
                checked.get(SPINS),
                Duration.ofMillis(checked.get(TAKE_OVER)),
                Duration.ofMillis(checked.get(LEAVE)),
                Duration.ofMillis(checked.get(ANSWER)),
                Duration.ofMillis(checked.get(VERSION)),
                new SocketAccess(checked.get(GROUP), Integer.parseInt(checked.get(MODE), 8)),
                new ClientLimits(
                        checked.get(CONNECTIONS),
                        checked.get(FILES),
                        (long) checked.get(FILE_SIZE) << 30,
                        checked.get(RESERVED)));
    }

    private static @Nullable Path directory(@Nullable String run) {
        return run == null ? null : Path.of(run, DIRECTORY);
    }

    @Override
    public void added(String name, int group, Vfio vfio) throws ErrnoException {
        if (directory == null) {
            return;
        }
        Path path = directory.resolve(name + SUFFIX);
        try {
            Shared common = shared(directory);
            ServedDevice device = new ServedDevice(
                    vfio,
                    name,
                    group,
                    () -> options,
                    new MessageCounters(),
                    new TraceSwitch(),
                    new ClientLog(name),
                    common.signals,
                    common.quarantine,
                    common.spinners);
            servers.put(name, new DeviceServer(device, path, common.acceptor)); // ended in removed()
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.of(e.errno()), "the device's socket cannot be made: " + e.getMessage());
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, "the device's socket cannot be made: " + e);
        }
    }

    private synchronized Shared shared(Path directory) throws LinuxException, IOException {
        if (closed) {
            throw new IOException("the server is ending");
        }
        Shared made = shared;
        if (made == null) {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            options.access().applyToDirectory(directory);
            made = Shared.create();
            shared = made;
        }
        return made;
    }

    @Override
    public void removing(String name) {
        DeviceServer server = servers.get(name);
        if (server != null) {
            server.stopListening();
        }
    }

    @Override
    public void removed(String name) {
        DeviceServer server = servers.remove(name);
        if (server != null) {
            server.end();
            DeviceServer.awaitEnd(List.of(server), options.leave());
        }
    }

    /**
     * Ends all connections, and leaves the directory empty. VFIO reports no more devices: DS has unregistered the
     * listener.
     */
    @Override
    @Deactivate
    public void close() {
        Shared last;
        synchronized (this) {
            closed = true;
            last = shared;
            shared = null;
        }
        servers.values().forEach(server -> attempt(server::end));
        DeviceServer.awaitEnd(List.copyOf(servers.values()), options.leave());
        servers.clear();
        if (last != null) {
            last.close();
        }
        try {
            if (directory != null) {
                Files.deleteIfExists(directory);
            }
        } catch (IOException e) {
            LOG.warn("{} is left behind: {}", directory, e.toString());
        }
    }

    /** Logs a failure to end one server, so that the others end too. */
    private static void attempt(Runnable end) {
        try {
            end.run();
        } catch (RuntimeException | Error e) {
            LOG.error("a device's server failed to end", e);
        }
    }

    /**
     * The trace of a device.
     *
     * @throws ErrnoException ENODEV: it is not served
     */
    public TraceSwitch trace(String name) throws ErrnoException {
        DeviceServer server = servers.get(name);
        if (server == null) {
            throw UnknownNameException.among(Errno.ENODEV, "no device '" + name + "' is served", name, names());
        }
        return server.device().trace();
    }

    /** The served devices. */
    public Collection<String> names() {
        return servers.keySet();
    }

    /** The counters of each device that has had a client. */
    Map<String, SequencedMap<String, @Nullable Object>> counters() {
        Map<String, SequencedMap<String, @Nullable Object>> counters = new LinkedHashMap<>();
        servers.forEach((name, server) -> {
            if (server.device().counters().isUsed()) {
                counters.put(name, server.device().counters().snapshot());
            }
        });
        return counters;
    }

    @Override
    public SequencedMap<String, @Nullable Object> usage(String name, String deviceApi) {
        DeviceServer server = servers.get(name);
        return server == null ? new LinkedHashMap<>() : CommandLines.of(server.path(), deviceApi);
    }

    @Override
    public SequencedMap<String, @Nullable Object> statistics(String name) {
        SequencedMap<String, @Nullable Object> fields = new LinkedHashMap<>();
        DeviceServer server = servers.get(name);
        if (server != null) {
            fields.put("vfio_user", server.device().counters().snapshot());
        }
        return fields;
    }
}
