package mdev.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsMount;
import mdev.fuse.mount.MountException;
import mdev.fuse.mount.MountPoint;
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
import org.osgi.service.component.annotations.Reference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mounts the management tree on the directory that the framework property {@code mdev.mount} names; without it,
 * nowhere.
 */
@Component(service = SysfsMount.class, immediate = true)
public final class Fuse implements SysfsMount, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Fuse.class);

    /** For another platform to say that it has its tree there. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    /** More than what an unmounting waits for when it asks what is mounted. */
    private static final Duration UNMOUNT = Duration.ofSeconds(45);

    /** For the kernel to forget a removed entry. */
    private static final Duration FORGET = Duration.ofSeconds(1);

    private final Sysfs sysfs;
    private final @Nullable Path directory;
    private final Duration forget;

    /** Set in {@link #mount()}; null: it is not mounted. */
    private volatile @Nullable Mounted mounted;

    /** Where it is, and who answers. */
    private record Mounted(MountPoint point, FuseSession session) {}

    @Activate
    public Fuse(BundleContext context, @Reference Sysfs sysfs) {
        this(sysfs, directory(context.getProperty("mdev.mount")));
    }

    /** @param directory where to mount; null for nowhere */
    public Fuse(Sysfs sysfs, @Nullable Path directory) {
        this(sysfs, directory, FORGET);
    }

    /** @param forget how long a removal waits for the kernel to forget an entry */
    Fuse(Sysfs sysfs, @Nullable Path directory, Duration forget) {
        this.sysfs = sysfs;
        this.directory = directory;
        this.forget = forget;
    }

    /** Mounts the tree; a failure is a warning, which says how to start without. */
    @Activate
    public void mount() {
        mounted = directory == null ? null : tryMount(sysfs, directory, forget); // unmounted in close()
    }

    private static @Nullable Path directory(@Nullable String property) {
        return property == null || property.isBlank() ? null : Path.of(property);
    }

    private static @Nullable Mounted tryMount(Sysfs sysfs, Path directory, Duration forget) {
        try {
            Attributes.Owner owner = owner();
            MountPoint.Mounted made = MountPoint.mount(directory, owner.uid(), owner.gid(), GRACE);
            try {
                return new Mounted(made.point(), new FuseSession(sysfs, made.fd(), owner, forget));
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

    /** How many entries the kernel knows. */
    int known() {
        Mounted made = mounted;
        return made == null ? 0 : made.session().known();
    }

    /** Whether the kernel may still find what is gone. */
    boolean isBehind() {
        Mounted made = mounted;
        return made != null && made.session().isBehind();
    }

    /** Unmounts. First the mount, so that nobody finds it and gets no answer. */
    @Override
    @Deactivate
    public void close() {
        Mounted made = mounted;
        if (made != null) {
            made.session().leave();
            try {
                // umount(2) waits for whoever is in the file system, and that is foreign.
                BoundedCalls.Call call = new BoundedCalls("mdev-fuse-unmount")
                        .start("unmounting " + made.point().directory(), () -> {
                            made.point().unmount(made.session()::isConnected);
                            made.point().remove();
                        });
                if (!call.awaitUninterruptibly(Deadline.in(UNMOUNT))) {
                    log.warn(
                            "{} is left behind: the unmounting does not return",
                            made.point().directory(),
                            call.stack());
                }
            } finally {
                made.session().close();
            }
        }
    }
}
