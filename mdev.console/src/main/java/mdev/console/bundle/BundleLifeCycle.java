package mdev.console.bundle;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.zip.ZipException;
import mdev.api.FailedModule;
import mdev.api.FailedModules;
import mdev.api.LoadedModule;
import mdev.api.LoadedModules;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.console.log.LastCause;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.wiring.FrameworkWiring;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Installs, starts, stops, updates and uninstalls bundles. A failure is reported on one line that begins with the
 * user's word, and leaves nothing behind. A bundle whose code does not return is left alone, and listed as failed.
 */
@Component(service = {BundleLifeCycle.class, FailedModules.class})
public final class BundleLifeCycle implements FailedModules {
    private static final Logger LOG = LoggerFactory.getLogger(BundleLifeCycle.class);
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final Duration REFRESH = Duration.ofSeconds(30);

    private final BundleContext context;
    private final BundleCalls calls;

    /** The core's service, while it runs. */
    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    volatile @Nullable LoadedModules modules;

    /** The service of DS, which also activates this component. */
    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC)
    volatile @Nullable ServiceComponentRuntime components;

    @Activate
    public BundleLifeCycle(BundleContext context) {
        this(context, LIMIT);
    }

    /** @param limit how long to wait for a call of a bundle's code */
    BundleLifeCycle(BundleContext context, Duration limit) {
        this.context = context;
        this.calls = new BundleCalls(limit);
    }

    @Override
    public List<FailedModule> failed() {
        return calls.hangs().stream()
                .map(hang -> failed(
                        hang.bundle().getSymbolicName(),
                        hang.bundle().getVersion().toString(),
                        hang.reason()))
                .toList();
    }

    static FailedModule failed(String name, String version, String reason) {
        return new FailedModule(LoadedModule.nameOf(name), version, name, reason);
    }

    /** Whether a call of the bundle's code does not return. */
    boolean hangs(Bundle bundle) {
        return calls.hang(bundle) != null;
    }

    /** The number of bundles with a call that does not return. */
    public int hanging() {
        return calls.hangs().size();
    }

    List<LoadedModule> loaded() {
        LoadedModules core = modules;
        return core == null ? List.of() : core.modules();
    }

    /** The open devices that would be cut off without the bundle, with their users. */
    List<String> users(Bundle bundle) {
        List<LoadedModule> loaded = loaded();
        boolean core = loaded.stream()
                .anyMatch(
                        module -> module.name().equals(LoadedModule.CORE) && module.bundleId() == bundle.getBundleId());
        return loaded.stream()
                .filter(module -> !module.name().equals(LoadedModule.CORE))
                .filter(module -> core || module.bundleId() == bundle.getBundleId())
                .flatMap(module -> module.users().stream())
                .distinct()
                .toList();
    }

    /** The bundle from that location, which may be installed already. */
    Bundle install(String word, String location) throws ErrnoException {
        return install(word, location, null);
    }

    /** @param content the bundle's jar; null to read it from the location */
    Bundle install(String word, String location, @Nullable InputStream content) throws ErrnoException {
        boolean known = context.getBundle(location) != null;
        Bundle bundle;
        try {
            bundle = context.installBundle(location, content);
        } catch (BundleException e) {
            throw failure(word, e);
        }
        if (!known && bundle.getSymbolicName() == null) {
            discard(bundle);
            throw new ErrnoException(Errno.EINVAL, word + ": not a bundle: its manifest has no Bundle-SymbolicName");
        }
        if (!known) {
            try {
                checkWhole(location);
            } catch (BundleException e) {
                discard(bundle);
                throw failure(word, e);
            }
        }
        return bundle;
    }

    /** The framework would notice a damaged class only when it is loaded. */
    private static void checkWhole(String location) throws BundleException {
        Optional<Path> file = BundleNames.file(location).filter(Files::isRegularFile);
        if (file.isPresent()) {
            try {
                BundleNames.checkWhole(file.get());
            } catch (IOException e) {
                throw new BundleException(String.valueOf(e.getMessage()), e);
            }
        }
    }

    Bundle installAndStart(String word, String location, int options) throws ErrnoException, InterruptedException {
        boolean known = context.getBundle(location) != null;
        Bundle bundle = install(word, location);
        try {
            start(word, bundle, options);
            return bundle;
        } catch (ErrnoException e) {
            if (!known && e.errno() != Errno.ETIMEDOUT) {
                uninstall(bundle);
            }
            throw e;
        }
    }

    /** @throws ErrnoException ENODEV: no bundle provides a requirement of the bundle */
    void resolve(String word, Bundle bundle) throws ErrnoException, InterruptedException {
        if (!wiring().resolveBundles(List.of(bundle))) {
            start(word, bundle, Bundle.START_TRANSIENT); // which fails with the reason
        }
    }

    void start(String word, Bundle bundle, int options) throws ErrnoException, InterruptedException {
        start(word, bundle, options, calls.limit());
    }

    void start(String word, Bundle bundle, int options, Duration time) throws ErrnoException, InterruptedException {
        if (bundle.getHeaders().get(Constants.FRAGMENT_HOST) != null) {
            throw new ErrnoException(Errno.EINVAL, word + ": a fragment cannot be started");
        }
        check(word, attempt(word, "start", bundle, time, () -> {
            bundle.start(options);
            return fault(bundle);
        }));
    }

    private Optional<ErrnoException> fault(Bundle bundle) {
        ServiceComponentRuntime runtime = components;
        return runtime == null ? Optional.empty() : new ComponentFaults(runtime).of(bundle);
    }

    private static void check(String word, Optional<ErrnoException> fault) throws ErrnoException {
        if (fault.isPresent()) {
            throw new ErrnoException(
                    fault.get().errno(), word + ": " + fault.get().getMessage());
        }
    }

    void stop(Bundle bundle, int options) throws ErrnoException, InterruptedException {
        stop(bundle, options, calls.limit());
    }

    void stop(Bundle bundle, int options, Duration time) throws ErrnoException, InterruptedException {
        attempt(bundle.getSymbolicName(), "stop", bundle, time, () -> {
            bundle.stop(options);
            return bundle;
        });
    }

    void uninstall(Bundle bundle) throws ErrnoException, InterruptedException {
        checkNotFramework(bundle, "uninstalled");
        checkNotConsole(bundle);
        attempt(bundle.getSymbolicName(), "removal", bundle, () -> {
            bundle.uninstall();
            return bundle;
        });
    }

    /** @param announce receives the bundles about to be restarted; not called if there are none */
    void update(String word, Bundle bundle, String location, Consumer<List<Bundle>> announce)
            throws ErrnoException, InterruptedException {
        checkNotFramework(bundle, "updated");
        List<Bundle> importers = importersOf(bundle);
        attempt(word, "update", bundle, () -> {
            checkWhole(location);
            try (InputStream content = URI.create(location).toURL().openStream()) {
                if (!importers.isEmpty()) {
                    announce.accept(importers);
                }
                bundle.update(content);
                return bundle;
            } catch (IOException | IllegalArgumentException e) {
                throw new BundleException(String.valueOf(e.getMessage()), e);
            }
        });
        if (!importers.isEmpty()) {
            refresh(List.of(bundle), importers);
        }
        if (BundleNames.isStarted(bundle)) {
            check(word, attempt(word, "update", bundle, () -> fault(bundle)));
        }
    }

    /** The default location to update a bundle from. */
    static String origin(Bundle bundle) throws ErrnoException {
        checkNotFramework(bundle, "updated");
        String declared = bundle.getHeaders().get(Constants.BUNDLE_UPDATELOCATION);
        if (declared == null && BundleNames.isBuiltIn(bundle)) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    bundle.getSymbolicName() + " came with the platform: give the URL of its new version");
        }
        return (declared == null ? bundle.getLocation() : declared).replaceFirst("^reference:", "");
    }

    private static void checkNotFramework(Bundle bundle, String what) throws ErrnoException {
        if (bundle.getBundleId() == Constants.SYSTEM_BUNDLE_ID) {
            throw new ErrnoException(Errno.EINVAL, "the framework itself cannot be " + what);
        }
    }

    void checkNotConsole(Bundle bundle) throws ErrnoException {
        if (bundle.equals(context.getBundle())) {
            throw new ErrnoException(Errno.EBUSY, bundle.getSymbolicName() + " is in use: it runs this command");
        }
    }

    /** @param delivery notifies the components of the bundle of a configuration */
    void configure(Bundle bundle, String pid, Runnable delivery) throws ErrnoException, InterruptedException {
        attempt(pid, "configuration " + pid, bundle, () -> {
            delivery.run();
            return bundle;
        });
    }

    /** The bundles that a refresh of this one would restart. */
    List<Bundle> importersOf(Bundle bundle) {
        return wiring().getDependencyClosure(List.of(bundle)).stream()
                .filter(other -> !other.equals(bundle))
                .sorted(Comparator.comparingLong(Bundle::getBundleId))
                .toList();
    }

    private FrameworkWiring wiring() {
        return context.getBundle(Constants.SYSTEM_BUNDLE_LOCATION).adapt(FrameworkWiring.class);
    }

    /** @param bundle null for all that were updated or uninstalled since the last refresh */
    void refresh(@Nullable Bundle bundle) throws ErrnoException, InterruptedException {
        if (bundle != null) {
            checkNotFramework(bundle, "refreshed");
        }
        Collection<Bundle> refreshed = bundle == null ? wiring().getRemovalPendingBundles() : List.of(bundle);
        if (!refreshed.isEmpty()) {
            refresh(refreshed, wiring().getDependencyClosure(refreshed));
        }
    }

    /** Waits until the framework has restarted the importers, unless this bundle is one of them. */
    private void refresh(Collection<Bundle> bundles, Collection<Bundle> importers) throws InterruptedException {
        CountDownLatch refreshed = new CountDownLatch(1);
        wiring().refreshBundles(bundles, event -> {
            if (event.getType() == FrameworkEvent.PACKAGES_REFRESHED) {
                refreshed.countDown();
            }
        });
        if (!importers.contains(context.getBundle()) && !Deadline.in(REFRESH).await(refreshed)) {
            throw new IllegalStateException("the bundles are still being restarted");
        }
    }

    /** Uninstalls a bundle that was never started. */
    private static void discard(Bundle bundle) {
        try {
            bundle.uninstall();
        } catch (BundleException e) {
            throw new IllegalStateException("cannot uninstall " + bundle.getLocation(), e);
        }
    }

    private <T> T attempt(String word, String what, Bundle bundle, Callable<T> step)
            throws ErrnoException, InterruptedException {
        return attempt(word, what, bundle, calls.limit(), step);
    }

    /** @param what names the call of the bundle's code */
    private <T> T attempt(String word, String what, Bundle bundle, Duration time, Callable<T> step)
            throws ErrnoException, InterruptedException {
        try {
            return calls.run(bundle, what + " of " + bundle.getSymbolicName(), time, step);
        } catch (BundleException e) {
            throw failure(word, e);
        } catch (ErrnoException e) {
            throw new ErrnoException(e.errno(), word + ": " + e.getMessage());
        }
    }

    /** The framework's reason on one line that begins with its subject. */
    private static ErrnoException failure(String subject, BundleException e) {
        LOG.info("{} failed", subject, e);
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        Errno errno = switch (cause) {
            case FileNotFoundException _, NoSuchFileException _ -> Errno.ENOENT;
            case ZipException _ -> Errno.EINVAL;
            case IOException _ -> Errno.EIO;
            default -> e.getType() == BundleException.RESOLVE_ERROR ? Errno.ENODEV : Errno.EINVAL;
        };
        if (e.getType() == BundleException.DUPLICATE_BUNDLE_ERROR) {
            return new ErrnoException(
                    Errno.EEXIST, subject + ": the same bundle and version is installed from elsewhere: update it");
        }
        String reason = switch (cause) {
            case FileNotFoundException _, NoSuchFileException _ -> "no such file";
            case ZipException _ -> "not a bundle: it is not a jar";
            case UnknownHostException _ -> "unknown host";
            default -> LastCause.of(e);
        };
        return new ErrnoException(errno, subject + ": " + reason.replaceFirst(" Unresolved requirements: .*", ""));
    }
}
