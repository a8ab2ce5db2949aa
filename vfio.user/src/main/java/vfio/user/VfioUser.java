package vfio.user;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.DeviceDetails;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDeviceListener;
import mdev.linux.LinuxException;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.server.Acceptor;
import vfio.user.server.DeviceServer;
import vfio.user.session.Served;
import vfio.user.trace.Counters;
import vfio.user.trace.TraceSwitch;

/** Serves every device of VFIO: each has a socket of its name from before its {@code create} returns until before its {@code remove} does. */
@Component(service = {VfioUser.class, DeviceDetails.class})
public final class VfioUser implements VfioDeviceListener, DeviceDetails, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(VfioUser.class);

    /** Below the run directory. */
    private static final String DIRECTORY = "vfio-user";

    private static final String SUFFIX = ".sock";

    private final Vfio vfio;
    private final @Nullable Path directory;
    private final Options options;
    private final Map<String, DeviceServer> servers = new ConcurrentHashMap<>();

    /** The monitor guards both: what the first device needs is made once, and not after the end. */
    private @Nullable Acceptor acceptor;

    private boolean closed;

    @Activate
    public VfioUser(BundleContext context, @Reference Vfio vfio) {
        this(vfio, directory(context.getProperty("mdev.run")), Options.of(context.getProperty(Options.SPINS)));
    }

    /** @param directory where the sockets are, made for the first device; null for none: then nothing is served */
    public VfioUser(Vfio vfio, @Nullable Path directory, Options options) {
        this.vfio = vfio;
        this.directory = directory;
        this.options = options;
        clear(directory);
        vfio.registerListener(this); // unregistered in close()
    }

    private static @Nullable Path directory(@Nullable String run) {
        return run == null ? null : Path.of(run, DIRECTORY);
    }

    @Override
    public void added(String name, int group) {
        if (directory == null) {
            return;
        }
        Path path = directory.resolve(name + SUFFIX);
        try {
            Served device =
                    new Served(vfio, name, group, options.spins(), options.answer(), new Counters(), new TraceSwitch());
            servers.put(
                    name,
                    new DeviceServer(device, path, acceptor(directory), options.takeOver())); // ended in removed()
        } catch (LinuxException | IOException e) {
            LOG.error("device {} is not served: {}", name, e.toString());
        }
    }

    private synchronized Acceptor acceptor(Path directory) throws LinuxException, IOException {
        if (closed) {
            throw new IOException("the server is ending");
        }
        Acceptor made = acceptor;
        if (made == null) {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            made = new Acceptor();
            acceptor = made;
        }
        return made;
    }

    /** What a platform that was killed left there; ours is the only one that runs on this directory. */
    private static void clear(@Nullable Path directory) {
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
            server.awaitEnd(options.leave());
        }
    }

    /** Ends all connections; the directory is empty then. */
    @Override
    @Deactivate
    public void close() {
        vfio.unregisterListener(this);
        Acceptor last;
        synchronized (this) {
            closed = true;
            last = acceptor;
            acceptor = null;
        }
        servers.values().forEach(server -> attempt(server::end));
        servers.values().forEach(server -> attempt(() -> server.awaitEnd(options.leave())));
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

    /** The end of one device's server is no other's affair. */
    private static void attempt(Runnable end) {
        try {
            end.run();
        } catch (RuntimeException | Error e) {
            LOG.error("a device's server has not ended as it should", e);
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
            throw new ErrnoException(Errno.ENODEV, "no device '" + name + "' is served: mdev:list lists the devices");
        }
        return server.device().trace();
    }

    /** The devices that are served. */
    public Iterable<String> names() {
        return servers.keySet();
    }

    @Override
    public SequencedMap<String, @Nullable Object> usage(String name) {
        DeviceServer server = servers.get(name);
        return server == null ? new LinkedHashMap<>() : CommandLines.of(server.path());
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
