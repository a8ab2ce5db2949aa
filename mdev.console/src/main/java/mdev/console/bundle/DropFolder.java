package mdev.console.bundle;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.FailedModule;
import mdev.api.FailedModules;
import mdev.api.ParentRegistry;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.console.log.LastCause;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.SynchronousBundleListener;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the jars of the drop folder loaded: periodically compares the folder with the loaded bundles. (Felix File
 * Install would load jars before this component is active, replace one jar by another of the same module, not restart a
 * failed bundle, and lose its state when this bundle is updated.) A jar that cannot be loaded is retried when a bundle
 * or a device that may have blocked it is removed; a jar whose module is in use, when its devices are closed.
 */
@Component(
        service = {UeventListener.class, FailedModules.class},
        immediate = true)
public final class DropFolder implements UeventListener, FailedModules, SynchronousBundleListener {
    /** A framework property: the folder. */
    static final String PROPERTY = "mdev.drop";

    private static final Logger LOG = LoggerFactory.getLogger(DropFolder.class);
    private static final Duration POLL = Duration.ofMillis(250);
    private static final Duration LEAVING = Duration.ofSeconds(5);
    private static final long NONE = -1;

    private final BundleContext context;
    private final BundleLifeCycle bundles;
    private final LiveReplacement live;
    private final @Nullable Path folder;
    /** Null without a folder. */
    private @Nullable Thread worker;

    /** Modified only by the worker. */
    private final Map<Path, Jar> jars = new ConcurrentSkipListMap<>();

    /** The files in the last scan; null before the first. Used only by the worker. */
    private @Nullable Map<Path, Stamp> last;

    /** Whether the folder could not be read. Used only by the worker. */
    private boolean away;

    /** The name of the bundle that the worker changes, whose events are its own. */
    private volatile @Nullable String changing;

    private final AtomicBoolean retry = new AtomicBoolean();

    /** The device paths removed since a jar was last loaded: each triggers one retry only. */
    private final Set<String> triedAfter = ConcurrentHashMap.newKeySet();

    /**
     * @param stamp the file's state at the last scan
     * @param bundle its id, or NONE
     * @param name its symbolic name, or the name of the file
     * @param fault why the file, or its current content, is not loaded
     * @param waits whether the bundle has users, or code that does not return
     */
    private record Jar(
            Stamp stamp,
            long bundle,
            String name,
            String version,
            @Nullable String fault,
            boolean waits) {
        Jar failed(String reason, boolean wait) {
            return new Jar(stamp, bundle, name, version, reason, wait);
        }

        Jar loaded(long id) {
            return new Jar(stamp, id, name, version, null, false);
        }
    }

    @Activate
    public DropFolder(BundleContext context, @Reference BundleLifeCycle bundles, @Reference LiveReplacement live) {
        this.context = context;
        this.bundles = bundles;
        this.live = live;
        this.folder =
                Optional.ofNullable(context.getProperty(PROPERTY)).map(Path::of).orElse(null);
    }

    @Activate
    void start() {
        Path watched = folder;
        if (watched == null) {
            return;
        }
        // Loaded by an earlier incarnation of this component.
        for (Bundle bundle : context.getBundles()) {
            BundleNames.file(bundle.getLocation())
                    .filter(file -> watched.equals(file.getParent()))
                    .ifPresent(file -> jars.put(
                            file,
                            new Jar(
                                    Stamp.NO_FILE,
                                    bundle.getBundleId(),
                                    bundle.getSymbolicName(),
                                    bundle.getVersion().toString(),
                                    null,
                                    false)));
        }
        context.addBundleListener(this); // removed in stop()
        worker = Thread.ofPlatform().daemon().name("mdev-drop").start(() -> watch(watched)); // ended in stop()
    }

    @Deactivate
    void stop() {
        context.removeBundleListener(this);
        Thread running = worker;
        if (running != null) {
            running.interrupt();
            if (!Deadline.in(LEAVING).join(running)) {
                LOG.warn("left behind the watch of the drop folder", BoundedCalls.stackOf(running));
            }
        }
    }

    private void watch(Path watched) {
        try {
            while (true) {
                // Without the core, every driver would be listed as waiting for it.
                if (context.getServiceReference(ParentRegistry.class) != null) {
                    scan(watched);
                }
                Thread.sleep(POLL);
            }
        } catch (InterruptedException e) {
            LOG.debug("the drop folder is no longer watched", e);
        }
    }

    @Override
    public List<FailedModule> failed() {
        return jars.values().stream()
                .flatMap(jar -> Optional.ofNullable(jar.fault())
                        .map(fault -> BundleLifeCycle.failed(jar.name(), jar.version(), fault))
                        .stream())
                .toList();
    }

    /** A removed device may have freed a name. */
    @Override
    public void uevent(Uevent event) {
        // A driver that registers a device before it fails would otherwise retry itself forever.
        if (event.action().equals("remove")
                && jars.values().stream().anyMatch(jar -> jar.fault() != null)
                && triedAfter.add(event.devpath())) {
            retry.set(true);
        }
    }

    /** The bundle may have blocked a jar, or be one that a jar waits for. */
    @Override
    public void bundleChanged(BundleEvent event) {
        if ((event.getType() & (BundleEvent.UNINSTALLED | BundleEvent.STARTED)) != 0
                && !Objects.equals(event.getBundle().getSymbolicName(), changing)) {
            retry.set(true);
        }
    }

    private void scan(Path watched) throws InterruptedException {
        try {
            scan(Stamp.ofFiles(watched, ".jar"));
            away = false;
        } catch (IOException e) {
            if (!away) {
                LOG.warn("the drop folder cannot be read: {}; what runs stays", e.toString());
            }
            away = true;
        } catch (RuntimeException | Error e) {
            LOG.error("the drop folder: {}", e.toString(), e);
        }
    }

    private void scan(Map<Path, Stamp> files) throws InterruptedException {
        boolean again = retry.getAndSet(false);
        boolean changed = false;
        for (Map.Entry<Path, Jar> entry : jars.entrySet()) {
            if (!files.containsKey(entry.getKey())) {
                changed |= remove(entry.getKey(), entry.getValue(), files);
            }
        }
        for (Map.Entry<Path, Stamp> entry : files.entrySet()) {
            Path file = entry.getKey();
            Stamp stamp = entry.getValue();
            Jar known = jars.get(file);
            if (isDue(file, stamp, known)) {
                changed |= load(file, stamp, known);
            }
        }
        last = files;
        if (changed) {
            triedAfter.clear();
        }
        if (changed || again) {
            for (Map.Entry<Path, Jar> entry : jars.entrySet()) {
                Jar jar = entry.getValue();
                if (jar.fault() != null
                        && !jar.waits()
                        && files.containsKey(entry.getKey())
                        && load(entry.getKey(), jar.stamp(), jar)) {
                    retry.set(true); // others may wait for this one
                }
            }
        }
    }

    private boolean isDue(Path file, Stamp stamp, @Nullable Jar known) {
        if (known == null || !known.stamp().equals(stamp)) {
            return last == null || stamp.equals(last.get(file));
        }
        return known.waits() && isFree(own(file, known));
    }

    /** The bundle that stands for the file. */
    private @Nullable Bundle own(Path file, Jar jar) {
        return jar.bundle() == NONE ? context.getBundle(file.toUri().toString()) : context.getBundle(jar.bundle());
    }

    private boolean isFree(@Nullable Bundle bundle) {
        return bundle == null || (bundles.users(bundle).isEmpty() && !bundles.hangs(bundle));
    }

    /** @return whether the module runs now */
    private boolean load(Path file, Stamp stamp, @Nullable Jar before) throws InterruptedException {
        long bundle = before == null ? NONE : before.bundle();
        Jar next = new Jar(stamp, bundle, String.valueOf(file.getFileName()), "", null, false);
        try {
            LoadedFile.check(file);
            BundleNames.Identity identity = BundleNames.identity(file);
            next = new Jar(stamp, bundle, identity.name(), identity.version(), null, false);
            changing = next.name();
            next = next.loaded(bring(file, next, before).getBundleId());
            LOG.info("{}: {} {} is loaded", file.getFileName(), next.name(), next.version());
        } catch (ErrnoException | IOException e) {
            next = failed(file, next, before, e);
        } finally {
            changing = null;
        }
        jars.put(file, next);
        return next.fault() == null;
    }

    private Bundle bring(Path file, Jar jar, @Nullable Jar before)
            throws ErrnoException, IOException, InterruptedException {
        String location = file.toUri().toString();
        Bundle own = own(file, jar);
        if (own != null && !jar.name().equals(own.getSymbolicName())) {
            checkUnused(own, "replaced");
            bundles.uninstall(own);
            own = null;
        }
        if (own != null) {
            // The running bundle stays if the file was only touched, was changed back, or is damaged.
            boolean same = BundleNames.isSame(own, file);
            boolean again = before != null && before.stamp().equals(jar.stamp()) && !before.waits();
            Bundle next = same ? null : replaced(jar, own, location);
            if (next != null) {
                return next;
            }
            if (!same || again) {
                checkUnused(own, "replaced");
                bundles.update(jar.name(), own, location, _ -> {});
            }
            bundles.start(jar.name(), own, 0);
            return own;
        }
        for (Bundle other : context.getBundles()) {
            if (jar.name().equals(other.getSymbolicName())) {
                throw new ErrnoException(
                        Errno.EEXIST,
                        jar.name() + " " + other.getVersion() + " is loaded already, from " + other.getLocation());
            }
        }
        BundleNames.checkWhole(file);
        return bundles.installAndStart(jar.name(), location, 0);
    }

    /** Null if the driver cannot be updated while its devices are in use. */
    private @Nullable Bundle replaced(Jar jar, Bundle own, String location)
            throws ErrnoException, InterruptedException {
        try {
            return live.replace(jar.name(), own, jar.name(), location).bundle();
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EBUSY && e.errno() != Errno.EOPNOTSUPP && e.errno() != Errno.ENOENT) {
                throw e;
            }
            LOG.debug("{} cannot be updated now: {}", jar.name(), e.getMessage());
            return null;
        }
    }

    private void checkUnused(Bundle bundle, String becomes) throws ErrnoException {
        List<String> users = bundles.users(bundle);
        if (!users.isEmpty()) {
            throw new ErrnoException(
                    Errno.EBUSY,
                    "%s %s is in use: %s; it is %s when they are gone, or at once with 'mdev:rmmod -f %s'"
                            .formatted(
                                    bundle.getSymbolicName(),
                                    bundle.getVersion(),
                                    String.join(", ", users),
                                    becomes,
                                    bundle.getSymbolicName()));
        }
    }

    private static Jar failed(Path file, Jar jar, @Nullable Jar before, Exception e) {
        Errno errno = e instanceof ErrnoException refused ? refused.errno() : Errno.EIO;
        String reason = e instanceof ErrnoException ? String.valueOf(e.getMessage()) : LastCause.of(e);
        if (before == null || !reason.equals(before.fault())) {
            LOG.warn("{}: {}", file.getFileName(), reason);
        }
        return jar.failed(reason, errno == Errno.EBUSY || errno == Errno.ETIMEDOUT);
    }

    /** @return whether the module was removed */
    private boolean remove(Path file, Jar jar, Map<Path, Stamp> files) throws InterruptedException {
        Bundle bundle = own(file, jar);
        if (jar.waits() && !isFree(bundle)) {
            return false;
        }
        if (bundle != null) {
            try {
                changing = bundle.getSymbolicName();
                if (!isAdopted(bundle, files)) {
                    checkUnused(bundle, "unloaded");
                    bundles.uninstall(bundle);
                    LOG.info("{}: {} {} is unloaded", file.getFileName(), changing, bundle.getVersion());
                }
            } catch (NoSuchFileException e) {
                return false; // it was renamed during this scan
            } catch (ErrnoException e) {
                jars.put(file, failed(file, jar, jar, e));
                return false;
            } finally {
                changing = null;
            }
        }
        jars.remove(file);
        return true;
    }

    /** Keeps a module running whose file was only renamed or has a copy. */
    private boolean isAdopted(Bundle bundle, Map<Path, Stamp> files) throws NoSuchFileException {
        for (Map.Entry<Path, Stamp> other : files.entrySet()) {
            Path copy = other.getKey();
            Jar known = jars.get(copy);
            try {
                if ((known == null || own(copy, known) == null) && BundleNames.isSame(bundle, copy)) {
                    jars.put(
                            copy,
                            new Jar(
                                    other.getValue(),
                                    bundle.getBundleId(),
                                    bundle.getSymbolicName(),
                                    bundle.getVersion().toString(),
                                    null,
                                    false));
                    return true;
                }
            } catch (NoSuchFileException e) {
                throw e;
            } catch (IOException e) {
                LOG.debug("{} cannot be read as a copy", copy, e);
            }
        }
        return false;
    }
}
