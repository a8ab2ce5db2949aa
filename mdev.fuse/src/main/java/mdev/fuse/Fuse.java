package mdev.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsMount;
import mdev.config.CheckedProperties;
import mdev.config.IntKey;
import mdev.fuse.mount.MountException;
import mdev.fuse.mount.MountPoint;
import mdev.fuse.session.Ceiling;
import mdev.fuse.session.FuseSession;
import mdev.fuse.wire.Attributes;
import mdev.linux.LinuxException;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.Designate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mounts the management tree on the directory in the framework property {@code mdev.mount}; without the property,
 * mounts nothing.
 */
@Component(service = SysfsMount.class, immediate = true, configurationPid = FuseConfig.PID)
@Designate(ocd = FuseConfig.class)
public final class Fuse implements SysfsMount, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Fuse.class);

    /** Grace period for another platform's mount on the directory to answer. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    /** The timeout of an unmount; longer than its own wait for the mounted file system. */
    private static final Duration UNMOUNT = Duration.ofSeconds(45);

    /** Grace period for the kernel to drop a removed entry. */
    private static final Duration FORGET = Duration.ofSeconds(1);

    private static final IntKey CALLS = new IntKey("maxCalls", 1, FuseConfig.MOST, FuseConfig.CALLS);
    private static final IntKey FILES = new IntKey("maxOpenFiles", 1, FuseConfig.MOST, FuseConfig.FILES);

    private final Sysfs sysfs;
    private final @Nullable Path directory;
    private final Duration forget;
    private volatile Ceiling ceiling = new Ceiling(FuseConfig.CALLS, FuseConfig.FILES);

    /** Set in {@link #mount()}; null if not mounted. */
    private volatile @Nullable Mounted mounted;

    /** The mount point and the session that serves it. */
    private record Mounted(MountPoint point, FuseSession session) {}

    @Activate
    public Fuse(BundleContext context, Map<String, Object> properties, @Reference Sysfs sysfs) {
        String mount = context.getProperty("mdev.mount");
        this(sysfs, mount == null || mount.isBlank() ? null : Path.of(mount));
        configure(properties);
    }

    /** Applies to later calls and to files opened later. */
    @Modified
    void configure(Map<String, Object> properties) {
        CheckedProperties checked = new CheckedProperties(FuseConfig.PID, properties, CALLS, FILES);
        ceiling = new Ceiling(checked.get(CALLS), checked.get(FILES));
    }

    /** @param directory where to mount; null to not mount */
    public Fuse(Sysfs sysfs, @Nullable Path directory) {
        this(sysfs, directory, FORGET);
    }

    /** @param forget how long a removal waits for the kernel to drop an entry */
    Fuse(Sysfs sysfs, @Nullable Path directory, Duration forget) {
        this.sysfs = sysfs;
        this.directory = directory;
        this.forget = forget;
    }

    /** Mounts the tree; a failure is logged as a warning, which names the option to start without a mount. */
    @Activate
    public void mount() {
        mounted = directory == null ? null : tryMount(directory); // unmounted in close()
    }

    private @Nullable Mounted tryMount(Path directory) {
        try {
            Attributes.Owner owner = owner();
            MountPoint.Mounted made = MountPoint.mount(directory, owner.uid(), owner.gid(), GRACE);
            try {
                return new Mounted(made.point(), new FuseSession(sysfs, made.fd(), owner, forget, () -> ceiling));
            } catch (LinuxException | RuntimeException | Error e) {
                made.fd().close();
                made.point().unmount(() -> false);
                made.point().remove();
                throw e;
            }
        } catch (MountException | LinuxException | IOException | RuntimeException e) {
            log.warn("the tree is not mounted on {}: {}; or start with --no-mount", directory, e.getMessage());
            return null;
        }
    }

    private static Attributes.Owner owner() throws IOException {
        Path self = Path.of("/proc/self");
        return new Attributes.Owner(
                (Integer) Files.getAttribute(self, "unix:uid"),
                (Integer) Files.getAttribute(self, "unix:gid"),
                Instant.now());
    }

    @Override
    public Optional<Path> directory() {
        return Optional.ofNullable(mounted)
                .filter(made -> made.point().isMounted(made.session()::isConnected))
                .map(made -> made.point().directory());
    }

    /** The number of entries that the kernel knows. */
    int known() {
        Mounted made = mounted;
        return made == null ? 0 : made.session().known();
    }

    /** Whether the kernel may still find removed entries. */
    boolean isBehind() {
        Mounted made = mounted;
        return made != null && made.session().isBehind();
    }

    /** Unmounts the tree, and only then ends the session, so that no process finds an unserved mount. */
    @Override
    @Deactivate
    public void close() {
        Mounted made = mounted;
        if (made != null) {
            made.session().leave();
            try {
                // umount(2) waits for processes in the file system, which are foreign.
                BoundedCalls.Call call =
                        BoundedCalls.tryStartAlone("unmounting " + made.point().directory(), () -> {
                            made.point().unmount(made.session()::isConnected);
                            made.point().remove();
                        });
                if (call == null || !call.awaitUninterruptibly(Deadline.in(UNMOUNT))) {
                    log.warn(
                            "{} remains mounted: the unmount did not return in time, or no thread can be started",
                            made.point().directory(),
                            call == null ? null : call.stack());
                }
            } finally {
                made.session().close();
            }
        }
    }
}
