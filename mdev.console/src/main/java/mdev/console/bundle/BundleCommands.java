package mdev.console.bundle;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Arity;
import mdev.api.shell.ShellCommand.Flag;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.console.Ending;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * {@code install}, {@code start}, {@code stop}, {@code update}, {@code uninstall}: Felix's commands with Felix's arguments. Felix's own answer a
 * failure like a success, know no symbolic names, and leave behind what they installed in vain.
 */
@Component
public final class BundleCommands implements ShellCommands {
    private static final String SCOPE = "felix";
    private static final Flag TRANSIENT = new Flag("-t", "for this run of the framework only");
    private static final long REFRESH_SECONDS = 30;

    private final BundleContext context;
    private final Bundles bundles;
    private final Ending ending;

    @Activate
    public BundleCommands(BundleContext context, @Reference Ending ending) {
        this.context = context;
        this.bundles = new Bundles(context);
        this.ending = ending;
    }

    @Override
    public List<ShellCommand> commands() {
        ShellCommand.Candidates installed =
                (words, prefix) -> bundles.words(prefix).toList();
        ShellCommand.Candidates urls = (words, prefix) -> FileUrls.candidates(prefix);
        Parameter bundle = new Parameter("bundle", Arity.MANY, installed);
        return List.of(
                new ShellCommand(
                        SCOPE,
                        "install",
                        "install bundles",
                        List.of(new Parameter("url", Arity.MANY, urls)),
                        List.of(),
                        this::install),
                new ShellCommand(
                        SCOPE,
                        "start",
                        "start bundles; those given by URL are installed first",
                        List.of(new Parameter("bundle|url", Arity.MANY, this::startable)),
                        List.of(TRANSIENT, new Flag("-p", "by the bundle's own activation policy")),
                        this::start),
                new ShellCommand(SCOPE, "stop", "stop bundles", List.of(bundle), List.of(TRANSIENT), this::stop),
                new ShellCommand(
                        SCOPE,
                        "update",
                        "update a bundle, from where it was installed or from elsewhere",
                        List.of(Parameter.one("bundle", installed), Parameter.optional("url", urls)),
                        List.of(),
                        this::update),
                new ShellCommand(SCOPE, "uninstall", "uninstall bundles", List.of(bundle), List.of(), this::uninstall));
    }

    private Collection<String> startable(List<String> words, String prefix) {
        return Stream.concat(bundles.words(prefix), FileUrls.candidates(prefix).stream())
                .toList();
    }

    private ShellResult install(ShellInvocation invocation) throws ErrnoException {
        List<String> ids = new ArrayList<>();
        for (String url : invocation.arguments()) {
            ids.add(Long.toString(install(url, invocation).getBundleId()));
        }
        return new ShellResult.Text((ids.size() == 1 ? "Bundle ID: " : "Bundle IDs: ") + String.join(", ", ids) + "\n");
    }

    private Bundle install(String url, ShellInvocation invocation) throws ErrnoException {
        String location = Bundles.location(url, invocation.directory());
        boolean known = context.getBundle(location) != null;
        Bundle bundle;
        try {
            bundle = context.installBundle(location);
        } catch (BundleException e) {
            throw Bundles.refusal(url, e);
        }
        if (!known && bundle.getSymbolicName() == null) {
            discard(bundle);
            throw new ErrnoException(Errno.EINVAL, url + ": not a bundle: its manifest has no Bundle-SymbolicName");
        }
        return bundle;
    }

    private ShellResult start(ShellInvocation invocation) throws ErrnoException {
        int options = options(invocation, Bundle.START_TRANSIENT)
                | (invocation.flag("-p") ? Bundle.START_ACTIVATION_POLICY : 0);
        for (String word : invocation.arguments()) {
            Bundle installed = bundles.find(word).orElse(null);
            boolean number = word.chars().allMatch(Character::isDigit);
            Bundle bundle = installed != null ? installed : number ? bundles.get(word) : install(word, invocation);
            boolean fresh = installed == null && bundle.getState() == Bundle.INSTALLED;
            try {
                start(bundle, word, options);
            } catch (ErrnoException e) {
                if (fresh) {
                    discard(bundle);
                }
                throw e;
            }
        }
        return ShellResult.DONE;
    }

    private static void start(Bundle bundle, String word, int options) throws ErrnoException {
        if (bundle.getHeaders().get(Constants.FRAGMENT_HOST) != null) {
            throw new ErrnoException(Errno.EINVAL, word + ": a fragment cannot be started");
        }
        try {
            bundle.start(options);
        } catch (BundleException e) {
            throw Bundles.refusal(word, e);
        }
    }

    private ShellResult stop(ShellInvocation invocation) throws ErrnoException {
        for (Bundle bundle : all(invocation.arguments())) {
            if (bundle.getBundleId() == 0) {
                ending.request(0);
                return ShellResult.DONE;
            }
            try {
                bundle.stop(options(invocation, Bundle.STOP_TRANSIENT));
            } catch (BundleException e) {
                throw Bundles.refusal(bundle.getSymbolicName(), e);
            }
        }
        return ShellResult.DONE;
    }

    private ShellResult uninstall(ShellInvocation invocation) throws ErrnoException {
        for (Bundle bundle : all(invocation.arguments())) {
            if (bundle.getBundleId() == 0) {
                throw new ErrnoException(Errno.EINVAL, "the framework itself cannot be uninstalled");
            }
            try {
                bundle.uninstall();
            } catch (BundleException e) {
                throw Bundles.refusal(bundle.getSymbolicName(), e);
            }
        }
        return ShellResult.DONE;
    }

    private ShellResult update(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<String> words = invocation.arguments();
        Bundle bundle = bundles.get(words.getFirst());
        if (bundle.getBundleId() == 0) {
            throw new ErrnoException(Errno.EINVAL, "the framework itself cannot be updated");
        }
        String location = words.size() == 1 ? origin(bundle) : Bundles.location(words.get(1), invocation.directory());
        List<Bundle> importers = bundles.importersOf(bundle);
        try (InputStream content = URI.create(location).toURL().openStream()) {
            if (!importers.isEmpty()) {
                String names = importers.stream().map(Bundle::getSymbolicName).collect(Collectors.joining(", "));
                invocation.out().println(names + " use " + bundle.getSymbolicName() + ": they are restarted with it");
            }
            bundle.update(content);
        } catch (BundleException e) {
            throw Bundles.refusal(words.getLast(), e);
        } catch (IOException | IllegalArgumentException e) {
            throw Bundles.refusal(words.getLast(), new BundleException(String.valueOf(e.getMessage()), e));
        }
        if (!importers.isEmpty()) {
            refresh(bundle, importers);
        }
        return ShellResult.DONE;
    }

    /** Where a bundle is updated from if nothing else is said. */
    private static String origin(Bundle bundle) throws ErrnoException {
        String declared = bundle.getHeaders().get(Constants.BUNDLE_UPDATELOCATION);
        String location = declared == null ? bundle.getLocation() : declared;
        if (!location.contains(":")) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    bundle.getSymbolicName() + " came with the platform: give the URL of its new version");
        }
        return location.replaceFirst("^reference:", "");
    }

    /** The framework restarts the importers in its own time; this bundle may be one of them, and then nobody waits. */
    private void refresh(Bundle bundle, List<Bundle> importers) throws InterruptedException {
        CountDownLatch refreshed = new CountDownLatch(1);
        bundles.wiring().refreshBundles(List.of(bundle), event -> {
            if (event.getType() == FrameworkEvent.PACKAGES_REFRESHED) {
                refreshed.countDown();
            }
        });
        if (!importers.contains(context.getBundle()) && !refreshed.await(REFRESH_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the bundles are still being restarted");
        }
    }

    private List<Bundle> all(List<String> words) throws ErrnoException {
        List<Bundle> found = new ArrayList<>();
        for (String word : words) {
            found.add(bundles.get(word));
        }
        return found;
    }

    private static int options(ShellInvocation invocation, int whenTransient) {
        return invocation.flag(TRANSIENT.name()) ? whenTransient : 0;
    }

    /** Takes back what was installed for a start that failed. */
    private static void discard(Bundle bundle) {
        try {
            bundle.uninstall();
        } catch (BundleException e) {
            throw new IllegalStateException("cannot take back " + bundle.getLocation(), e);
        }
    }
}
