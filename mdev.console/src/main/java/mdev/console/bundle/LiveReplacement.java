package mdev.console.bundle;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import mdev.api.LiveUpdate;
import mdev.api.LiveUpdates;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;
import org.osgi.framework.hooks.bundle.CollisionHook;
import org.osgi.framework.startlevel.BundleStartLevel;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Replaces a vendor's bundle by another version while its devices are in use. The new version is a separate bundle, so
 * that the old one still exists if the new one cannot be started, does not return, or cannot take the devices.
 */
@Component(service = LiveReplacement.class)
public final class LiveReplacement {
    private static final Logger LOG = LoggerFactory.getLogger(LiveReplacement.class);

    private final BundleContext context;
    private final BundleLifeCycle bundles;

    /** The versions that an update could not uninstall, because their code had not returned. */
    private final Set<Bundle> left = ConcurrentHashMap.newKeySet();

    /** The core's service, while it runs. */
    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    volatile @Nullable LiveUpdates updates;

    @Activate
    public LiveReplacement(BundleContext context, @Reference BundleLifeCycle bundles) {
        this.context = context;
        this.bundles = bundles;
    }

    /**
     * A finished replacement.
     *
     * @param bundle the new version
     * @param pause how long the calls of the devices were delayed
     * @param lost the fields of the devices' states that the new version does not save
     */
    record Replaced(Bundle bundle, Duration pause, List<String> lost) {}

    /**
     * @param word the user's word for the bundle, for messages
     * @param source the user's word for the new version
     * @param location its URL
     * @throws ErrnoException EINVAL: the file is not a version of the same module, or does not read the states of its
     *     devices; EOPNOTSUPP: the core is not loaded, or the bundle cannot be updated in this way; EBUSY: other
     *     bundles use its packages, or as for {@link LiveUpdates#begin}; else the reason why the new version cannot
     *     take the devices. The old version continues, unless the message states otherwise
     */
    Replaced replace(String word, Bundle old, String source, String location)
            throws ErrnoException, InterruptedException {
        LiveUpdates core = updates;
        if (core == null) {
            throw new ErrnoException(Errno.EOPNOTSUPP, word + ": the core is not loaded");
        }
        List<Bundle> importers = bundles.importersOf(old);
        if (!importers.isEmpty()) {
            throw new ErrnoException(
                    Errno.EBUSY,
                    word + ": its packages are used by "
                            + importers.stream().map(Bundle::getSymbolicName).collect(Collectors.joining(", ")));
        }
        for (Bundle returned : left) {
            discard(returned);
        }
        Bundle next = install(source, old, location);
        boolean replaced = false;
        try {
            bundles.resolve(word, next);
            Set<Long> states = StateVersions.readBy(source, next);
            long begin = System.nanoTime();
            List<String> lost;
            try (LiveUpdate update = core.begin(old.getBundleId(), states)) {
                lost = exchange(word, old, next, update);
            } catch (ErrnoException e) {
                String message = String.valueOf(e.getMessage());
                throw new ErrnoException(e.errno(), message.startsWith(word + ":") ? message : word + ": " + message);
            }
            replaced = true;
            Duration pause = Duration.ofNanos(System.nanoTime() - begin);
            discard(old);
            return new Replaced(next, pause, lost);
        } finally {
            if (!replaced) {
                discard(next);
            }
        }
    }

    /** Whether an update could not uninstall the version. */
    boolean isLeft(Bundle version) {
        return left.contains(version);
    }

    private Bundle install(String source, Bundle old, String location) throws ErrnoException, InterruptedException {
        // Both have the same symbolic name and, during development, the same version.
        CollisionHook hook =
                (_, _, colliding) -> colliding.removeIf(other -> other.equals(old) || left.contains(other));
        ServiceRegistration<CollisionHook> registration = context.registerService(CollisionHook.class, hook, null);
        try (InputStream content = URI.create(location).toURL().openStream()) {
            Bundle next = bundles.install(source, free(location), content);
            if (!old.getSymbolicName().equals(next.getSymbolicName())) {
                discard(next);
                throw new ErrnoException(
                        Errno.EINVAL, source + ": it is " + next.getSymbolicName() + ", not " + old.getSymbolicName());
            }
            return next;
        } catch (FileNotFoundException e) {
            throw new ErrnoException(Errno.ENOENT, source + ": no such file");
        } catch (IOException | IllegalArgumentException e) {
            throw new ErrnoException(Errno.EIO, source + ": " + e.getMessage());
        } finally {
            registration.unregister();
        }
    }

    /** A location identifies a bundle: the old version may have the file's location. */
    private String free(String location) {
        String plain = BundleNames.normal(location);
        String free = plain;
        for (int i = 2; context.getBundle(free) != null; i++) {
            free = plain + "#" + i;
        }
        return free;
    }

    private List<String> exchange(String word, Bundle old, Bundle next, LiveUpdate update)
            throws ErrnoException, InterruptedException {
        boolean policy = old.adapt(BundleStartLevel.class).isActivationPolicyUsed();
        int options = policy ? Bundle.START_ACTIVATION_POLICY : 0;
        try {
            stop(old, update);
            bundles.start(word, next, options, update.remaining());
            return update.complete();
        } catch (ErrnoException e) {
            try {
                goBack(word, old, next, update, options);
            } catch (ErrnoException worse) {
                throw new ErrnoException(
                        e.errno(),
                        e.getMessage() + "; " + old.getVersion() + " cannot continue, and the devices are removed: "
                                + worse.getMessage());
            }
            throw new ErrnoException(e.errno(), e.getMessage() + "; " + old.getVersion() + " continues");
        }
    }

    private void stop(Bundle old, LiveUpdate update) throws ErrnoException, InterruptedException {
        try {
            bundles.stop(old, Bundle.STOP_TRANSIENT, update.remaining().dividedBy(2));
        } catch (ErrnoException e) {
            if (!bundles.hangs(old)) {
                throw e;
            }
            // The old version's objects have been released: it cannot continue, but it does not stop the new version.
            LOG.warn("{} {} is replaced although it hangs", old.getSymbolicName(), old.getVersion());
        }
    }

    private void goBack(String word, Bundle old, Bundle next, LiveUpdate update, int options)
            throws ErrnoException, InterruptedException {
        update.goBack();
        if (!bundles.hangs(next)) {
            bundles.stop(next, Bundle.STOP_TRANSIENT, update.remaining());
        }
        if (!BundleNames.isStarted(old)) {
            bundles.start(word, old, options | Bundle.START_TRANSIENT, update.remaining());
        }
        update.complete();
    }

    /** Uninstalls a version that is no longer needed; if its code does not return, the next update tries again. */
    private void discard(Bundle version) throws InterruptedException {
        if (bundles.hangs(version)) {
            left.add(version); // already named by the log and mdev:lsmod
            return;
        }
        try {
            bundles.uninstall(version);
            left.remove(version);
        } catch (ErrnoException e) {
            left.add(version);
            LOG.warn("bundle {} of an update is left behind: {}", version.getBundleId(), e.getMessage());
        }
    }
}
