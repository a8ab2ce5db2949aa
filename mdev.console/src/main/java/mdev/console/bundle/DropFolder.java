package mdev.console.bundle;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import mdev.api.FailedModule;
import mdev.api.FailedModules;
import mdev.api.LoadedModule;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.apache.felix.fileinstall.ArtifactInstaller;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.SynchronousBundleListener;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the jars of the drop folder loaded. FileInstall watches the folder and calls this class for each jar that is
 * added, changed or removed. On its own, FileInstall would not restart a failed bundle, and would let two jars of one
 * module replace each other. A jar that cannot be loaded is retried when a bundle or a device that may have blocked it
 * is removed.
 */
@Component(
        service = {ArtifactInstaller.class, UeventListener.class, FailedModules.class},
        immediate = true,
        // Before FileInstall's own installer of bundles.
        property = "service.ranking:Integer=1000")
public final class DropFolder implements ArtifactInstaller, UeventListener, FailedModules, SynchronousBundleListener {
    private static final Logger LOG = LoggerFactory.getLogger(DropFolder.class);
    private static final long NONE = -1;

    private final BundleContext context;
    private final BundleLifeCycle bundles;

    /** The jars in the folder. Changed only by the worker. */
    private final Map<Path, Jar> jars = new ConcurrentSkipListMap<>();

    /** The device paths removed since a jar was last loaded: each triggers one retry only. Used only by the worker. */
    private final Set<String> triedAfter = ConcurrentHashMap.newKeySet();

    private volatile @Nullable Thread workerThread;
    private final ExecutorService worker = Executors.newSingleThreadExecutor(this::thread);

    /**
     * @param bundle its id, or NONE
     * @param name its symbolic name
     * @param fault why it is not loaded, or not as the file is now
     */
    private record Jar(
            String digest,
            long bundle,
            String name,
            String version,
            @Nullable String fault) {
        Jar failed(String reason) {
            return new Jar(digest, bundle, name, version, reason);
        }

        Jar loaded(long id) {
            return new Jar(digest, id, name, version, null);
        }
    }

    @Activate
    public DropFolder(BundleContext context, @Reference ServiceComponentRuntime components) {
        this.context = context;
        this.bundles = new BundleLifeCycle(context, new ComponentFaults(components)::of);
    }

    @Activate
    void start() {
        context.addBundleListener(this); // removed in stop()
    }

    @Deactivate
    void stop() {
        context.removeBundleListener(this);
        worker.shutdownNow();
    }

    private Thread thread(Runnable work) {
        Thread thread = Thread.ofPlatform().daemon().name("mdev-drop").unstarted(work);
        workerThread = thread;
        return thread;
    }

    private void submit(Runnable work) {
        try {
            worker.execute(() -> {
                try {
                    work.run();
                } catch (RuntimeException | Error e) {
                    LOG.error("the drop folder: {}", e.toString(), e);
                }
            });
        } catch (RejectedExecutionException e) {
            LOG.debug("the drop folder is no longer watched", e);
        }
    }

    @Override
    public boolean canHandle(File artifact) {
        return artifact.getName().regionMatches(true, artifact.getName().length() - 4, ".jar", 0, 4);
    }

    @Override
    public void install(File artifact) {
        submit(() -> changed(artifact.toPath()));
    }

    @Override
    public void update(File artifact) {
        submit(() -> changed(artifact.toPath()));
    }

    @Override
    public void uninstall(File artifact) {
        submit(() -> gone(artifact.toPath()));
    }

    @Override
    public List<FailedModule> failed() {
        return jars.values().stream()
                .flatMap(jar -> Optional.ofNullable(jar.fault())
                        .map(fault ->
                                new FailedModule(LoadedModule.nameOf(jar.name()), jar.version(), jar.name(), fault))
                        .stream())
                .toList();
    }

    /** A removed device may have freed a name. */
    @Override
    public void uevent(Uevent event) {
        if (event.action().equals("remove") && jars.values().stream().anyMatch(jar -> jar.fault() != null)) {
            submit(() -> {
                // A driver that registers a device before it fails would otherwise retry itself forever.
                if (triedAfter.add(event.devpath())) {
                    retry();
                }
            });
        }
    }

    /** The bundle may have blocked a jar, or be one that a jar waits for. */
    @Override
    public void bundleChanged(BundleEvent event) {
        if ((event.getType() & (BundleEvent.UNINSTALLED | BundleEvent.STARTED)) != 0
                && !Thread.currentThread().equals(workerThread)) {
            submit(this::retry);
        }
    }

    private void retry() {
        jars.forEach((file, jar) -> {
            if (jar.fault() != null && Files.exists(file)) {
                load(file, jar);
            }
        });
    }

    private void changed(Path file) {
        Jar before = jars.get(file);
        String digest;
        try {
            digest = digest(file);
        } catch (IOException e) {
            LOG.warn("{}: {}", file.getFileName(), e.toString());
            return;
        }
        if (before == null || !before.digest().equals(digest)) {
            String name = String.valueOf(file.getFileName());
            load(
                    file,
                    new Jar(
                            digest,
                            before == null ? NONE : before.bundle(),
                            name,
                            "",
                            before == null ? null : before.fault()));
        }
    }

    private void load(Path file, Jar jar) {
        Jar next = jar;
        try {
            BundleNames.Identity identity = BundleNames.identity(file);
            next = new Jar(jar.digest(), jar.bundle(), identity.name(), identity.version(), jar.fault());
            next = next.loaded(bring(file, next).getBundleId());
            triedAfter.clear();
            LOG.info("{}: {} {} is loaded", file.getFileName(), next.name(), next.version());
        } catch (ErrnoException | IOException e) {
            String reason = String.valueOf(e.getMessage());
            if (!reason.equals(jar.fault())) {
                LOG.warn("{}: {}", file.getFileName(), reason);
            }
            next = next.failed(reason);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        jars.put(file, next);
    }

    private Bundle bring(Path file, Jar jar) throws ErrnoException, InterruptedException {
        String location = file.toUri().toString();
        Bundle own = jar.bundle() == NONE ? null : context.getBundle(jar.bundle());
        if (own != null) {
            bundles.update(jar.name(), own, location, _ -> {});
            return own;
        }
        for (Bundle other : context.getBundles()) {
            if (jar.name().equals(other.getSymbolicName())
                    && !other.getLocation().equals(location)) {
                throw new ErrnoException(
                        Errno.EEXIST,
                        jar.name() + " " + other.getVersion() + " is loaded already, from " + other.getLocation());
            }
        }
        return bundles.installAndStart(jar.name(), location, 0);
    }

    private void gone(Path file) {
        Jar jar = jars.remove(file);
        Bundle bundle = jar == null ? null : context.getBundle(jar.bundle());
        if (jar != null && bundle != null && !adopt(file, jar)) {
            try {
                bundles.uninstall(bundle);
            } catch (ErrnoException e) {
                LOG.warn("{}: {}", file.getFileName(), e.getMessage());
            }
        }
        triedAfter.clear();
        retry();
    }

    /** Keeps the module unchanged if its file was only renamed or has a copy. */
    private boolean adopt(Path file, Jar jar) {
        for (Path other : BundleNames.list(file.resolveSibling("."), "*.{jar,JAR}")) {
            Path copy = other.normalize();
            Jar known = jars.get(copy);
            try {
                if ((known == null || context.getBundle(known.bundle()) == null)
                        && jar.fault() == null
                        && digest(copy).equals(jar.digest())) {
                    jars.put(copy, jar);
                    return true;
                }
            } catch (IOException e) {
                LOG.debug("{} cannot be read as a copy", copy, e);
            }
        }
        return false;
    }

    private static String digest(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
