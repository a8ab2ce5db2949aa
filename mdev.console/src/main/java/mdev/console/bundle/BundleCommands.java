package mdev.console.bundle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import mdev.api.LoadedModule;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.shell.UnknownNameException;
import mdev.console.log.LastCause;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * {@code felix:install}, {@code start}, {@code stop}, {@code update}, {@code uninstall}, {@code refresh}: replace
 * Felix's commands, with the same arguments. Felix's commands report a failure like a success, accept no symbolic
 * names, and leave bundles behind whose installation failed. Also {@code mdev:modprobe}, {@code rmmod}: bundles as
 * kernel modules.
 */
@Component
public final class BundleCommands implements ShellCommands {
    private static final String SCOPE = "felix";
    private static final String TRANSIENT = "-t";
    private static final String POLICY = "-p";
    private static final String FORCE = "-f";
    private static final String IN_USE = "even while its devices are open";
    private static final String THIS_RUN = "for this run of the framework only";

    private final BundleContext context;
    private final BundleNames names;
    private final BundleLifeCycle bundles;
    private final LiveReplacement live;
    private final Ending ending;

    @Activate
    public BundleCommands(
            BundleContext context,
            @Reference BundleLifeCycle bundles,
            @Reference LiveReplacement live,
            @Reference Ending ending) {
        this.context = context;
        this.names = new BundleNames(context, live::isLeft);
        this.bundles = bundles;
        this.live = live;
        this.ending = ending;
    }

    @Override
    public List<ShellCommand> commands() {
        Candidates installed = (_, prefix) -> names.completeInstalled(prefix).toList();
        Candidates urls = (_, prefix) -> BundleNames.completeUrl(prefix).toList();
        Candidates both = (_, prefix) -> Stream.concat(names.completeInstalled(prefix), BundleNames.completeUrl(prefix))
                .toList();
        Parameter bundle = Parameter.many("bundle", installed);
        return List.of(
                ShellCommand.of(SCOPE, "install", "install bundles", this::install, Parameter.many("url", urls)),
                ShellCommand.of(
                                SCOPE,
                                "start",
                                "start bundles; those given by URL are installed first",
                                this::start,
                                Parameter.many("bundle|url", both))
                        .withFlag(TRANSIENT, THIS_RUN)
                        .withFlag(POLICY, "by the bundle's own activation policy"),
                ShellCommand.of(SCOPE, "stop", "stop bundles; 0 is the whole platform", this::stop, bundle)
                        .withFlag(TRANSIENT, THIS_RUN)
                        .withFlag(FORCE, "even while its devices are open; do not ask before the platform stops"),
                ShellCommand.of(
                                SCOPE,
                                "update",
                                "update a bundle, from its location or another; mdev:update keeps a driver's devices",
                                this::update,
                                Parameter.one("bundle", installed),
                                Parameter.optional("url", urls))
                        .withFlag(FORCE, IN_USE),
                ShellCommand.of(
                                "mdev",
                                "update",
                                "updates a module from its file or another; its devices stay with their users",
                                this::updateLive,
                                Parameter.one("module", installed),
                                Parameter.optional("file|url", urls))
                        .withFlag(FORCE, "without their state: its devices are removed"),
                ShellCommand.of(SCOPE, "uninstall", "uninstall bundles", this::uninstall, bundle)
                        .withFlag(FORCE, IN_USE),
                ShellCommand.of(
                        SCOPE,
                        "refresh",
                        "restart a bundle and its importers; without one, those with importers of an old version",
                        this::refresh,
                        Parameter.optional("bundle", installed)),
                ShellCommand.of(
                        "mdev",
                        "modprobe",
                        "loads a module: by name from the module path, or from a file or URL",
                        this::modprobe,
                        Parameter.one("bundle", (_, _) -> names.loadable())),
                ShellCommand.of(
                                "mdev",
                                "rmmod",
                                "unloads a module",
                                this::rmmod,
                                Parameter.one("bundle", (_, _) -> loadedNames()))
                        .withFlag(FORCE, "even while its devices are open or others use it"));
    }

    private ShellResult install(ShellInvocation invocation) throws ErrnoException {
        List<Long> ids = new ArrayList<>();
        for (String word : invocation.arguments()) {
            Optional<Bundle> installed = names.find(word, invocation.directory());
            Bundle bundle = installed.isPresent() ? installed.get() : bundles.install(word, locate(word, invocation));
            ids.add(bundle.getBundleId());
        }
        invocation.print(
                (ids.size() == 1 ? "Bundle ID: " : "Bundle IDs: ")
                        + ids.stream().map(String::valueOf).collect(Collectors.joining(", ")) + "\n",
                Map.of("bundles", ids));
        return ShellResult.DONE;
    }

    private String locate(String word, ShellInvocation invocation) throws ErrnoException {
        return names.location(word, invocation.directory())
                .orElseThrow(() -> new ErrnoException(
                        Errno.EINVAL, "'" + word + "' is neither a bundle nor a URL such as file:/path/to/bundle.jar"));
    }

    private ShellResult start(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        int options = (invocation.flag(TRANSIENT) ? Bundle.START_TRANSIENT : 0)
                | (invocation.flag(POLICY) ? Bundle.START_ACTIVATION_POLICY : 0);
        for (String word : invocation.arguments()) {
            Bundle installed = BundleNames.isId(word)
                    ? names.get(word, invocation.directory())
                    : names.find(word, invocation.directory()).orElse(null);
            if (installed == null) {
                bundles.installAndStart(word, locate(word, invocation), options);
            } else {
                bundles.start(word, installed, options);
            }
        }
        return ShellResult.DONE;
    }

    private ShellResult stop(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<Bundle> all = unused(invocation, "stops");
        Optional<Bundle> platform = all.stream().filter(this::runsPlatform).findFirst();
        if (platform.isPresent() && !invocation.flag(FORCE)) {
            confirm(platform.get(), invocation);
        }
        for (Bundle bundle : all) {
            if (runsPlatform(bundle)) {
                ending.request(0);
                return ShellResult.DONE;
            }
            bundles.stop(bundle, invocation.flag(TRANSIENT) ? Bundle.STOP_TRANSIENT : 0);
        }
        return ShellResult.DONE;
    }

    /** Whether the platform ends with the bundle: the framework, and the console with the main program. */
    private boolean runsPlatform(Bundle bundle) {
        return bundle.getBundleId() == Constants.SYSTEM_BUNDLE_ID || bundle.equals(context.getBundle());
    }

    private static void confirm(Bundle bundle, ShellInvocation invocation) throws ErrnoException {
        try (ShellInvocation.RawTerminal terminal = invocation.rawTerminal()) {
            if (!terminal.present()) {
                throw new ErrnoException(
                        Errno.EPERM,
                        bundle.getSymbolicName() + " runs the whole platform: " + FORCE + " stops the platform");
            }
            invocation.out().print("Stop the whole platform, with all its devices? [y/N] ");
            invocation.out().flush();
            int key = invocation.in().read();
            invocation.out().print("\r\n");
            if (key != 'y' && key != 'Y') {
                throw new ErrnoException(Errno.EPERM, "the platform runs on");
            }
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, "no answer: the platform runs on");
        }
    }

    private ShellResult uninstall(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        for (Bundle bundle : unused(invocation, "uninstalls")) {
            bundles.uninstall(bundle);
        }
        return ShellResult.DONE;
    }

    private List<Bundle> unused(ShellInvocation invocation, String does) throws ErrnoException {
        List<Bundle> found = new ArrayList<>();
        for (String word : invocation.arguments()) {
            Bundle bundle = names.get(word, invocation.directory());
            checkUnused(invocation, word, does, bundles.users(bundle));
            found.add(bundle);
        }
        return found;
    }

    private ShellResult update(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<String> words = invocation.arguments();
        return update(invocation, names.get(words.getFirst(), invocation.directory()));
    }

    private String source(ShellInvocation invocation, Bundle bundle) throws ErrnoException {
        List<String> words = invocation.arguments();
        return words.size() == 1 ? BundleLifeCycle.origin(bundle) : locate(words.get(1), invocation);
    }

    /** As {@link #update} if the bundle is not a module, or with the flag. */
    private ShellResult updateLive(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        String word = invocation.arguments().getFirst();
        Bundle bundle = names.get(word, invocation.directory());
        boolean module = bundles.loaded().stream().anyMatch(loaded -> loaded.bundleId() == bundle.getBundleId());
        if (!module || invocation.flag(FORCE)) {
            return update(invocation, bundle);
        }
        LiveReplacement.Replaced replaced;
        try {
            replaced = live.replace(word, bundle, invocation.arguments().getLast(), source(invocation, bundle));
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EOPNOTSUPP) { // not a vendor: the core itself or a bus driver
                return update(invocation, bundle);
            }
            throw e;
        }
        if (!replaced.lost().isEmpty()) {
            invocation.err().println("not kept by the new version: " + String.join(", ", replaced.lost()));
        }
        return new ShellResult.Text("%s %s replaces %s; the devices paused for %d ms\n"
                .formatted(
                        bundle.getSymbolicName(),
                        replaced.bundle().getVersion(),
                        bundle.getVersion(),
                        replaced.pause().toMillis()));
    }

    private ShellResult update(ShellInvocation invocation, Bundle bundle) throws ErrnoException, InterruptedException {
        List<String> words = invocation.arguments();
        String location = source(invocation, bundle);
        checkUnused(invocation, words.getFirst(), "updates", bundles.users(bundle));
        bundles.update(words.getLast(), bundle, location, importers -> {
            String users = importers.stream().map(Bundle::getSymbolicName).collect(Collectors.joining(", "));
            invocation.out().println(users + " use " + bundle.getSymbolicName() + ": they are restarted with it");
        });
        return ShellResult.DONE;
    }

    private ShellResult refresh(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<String> words = invocation.arguments();
        bundles.refresh(words.isEmpty() ? null : names.get(words.getFirst(), invocation.directory()));
        return ShellResult.DONE;
    }

    /** Starts by the bundle's activation policy: immediately, or when its first class is loaded. */
    private ShellResult modprobe(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        String word = invocation.arguments().getFirst();
        Path directory = invocation.directory();
        Bundle installed = names.find(word, directory).orElse(null);
        if (installed != null) {
            if (BundleNames.isStarted(installed)) {
                checkUnchanged(word, installed);
            }
            bundles.start(word, installed, Bundle.START_ACTIVATION_POLICY);
            return ShellResult.DONE;
        }
        String location = names.location(word, directory)
                .orElseThrow(() ->
                        UnknownNameException.among(Errno.ENOENT, "no module '" + word + "'", word, names.loadable()));
        bundles.installAndStart(word, location, Bundle.START_ACTIVATION_POLICY);
        return ShellResult.DONE;
    }

    /** Rejects the load of a running module whose file has changed since. */
    private static void checkUnchanged(String word, Bundle bundle) throws ErrnoException {
        Optional<Path> file = BundleNames.file(bundle.getLocation()).filter(Files::isRegularFile);
        try {
            if (file.isPresent() && !BundleNames.isSame(bundle, file.get())) {
                throw new ErrnoException(
                        Errno.EEXIST,
                        "%s: %s %s is loaded already, and %s has changed since: 'update %s' loads it"
                                .formatted(
                                        word,
                                        bundle.getSymbolicName(),
                                        bundle.getVersion(),
                                        file.get(),
                                        bundle.getSymbolicName()));
            }
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, word + ": " + LastCause.of(e));
        }
    }

    /** Uninstalls the module. A bundle that came with the platform is only stopped, so that modprobe finds it again. */
    private ShellResult rmmod(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        String word = invocation.arguments().getFirst();
        Bundle bundle = names.findAny(word, invocation.directory())
                .filter(found -> found.getBundleId() != Constants.SYSTEM_BUNDLE_ID)
                .filter(found -> BundleNames.isStarted(found) || !BundleNames.isBuiltIn(found))
                .orElseThrow(() ->
                        UnknownNameException.among(Errno.ENOENT, "no module '" + word + "'", word, loadedNames()));
        bundles.checkNotConsole(bundle);
        checkUnused(invocation, word, "unloads", reasonsToStay(bundle));
        if (BundleNames.isBuiltIn(bundle)) {
            bundles.stop(bundle, 0);
        } else {
            bundles.uninstall(bundle);
        }
        return ShellResult.DONE;
    }

    /** Without the flag, rejects the command; with it, prints a warning. */
    private static void checkUnused(ShellInvocation invocation, String word, String does, List<String> reasons)
            throws ErrnoException {
        if (!reasons.isEmpty()) {
            String line = word + " is in use: " + String.join(", ", reasons);
            if (!invocation.flag(FORCE)) {
                throw new ErrnoException(Errno.EBUSY, line + "; " + FORCE + " " + does + " it anyway");
            }
            invocation.err().println(line);
        }
    }

    private List<String> reasonsToStay(Bundle bundle) {
        List<String> reasons = new ArrayList<>();
        bundles.loaded().stream()
                .filter(module -> module.bundleId() == bundle.getBundleId())
                .forEach(module -> reasons.addAll(module.users()));
        String importers = bundles.importersOf(bundle).stream()
                .map(Bundle::getSymbolicName)
                .collect(Collectors.joining(", "));
        if (!importers.isEmpty()) {
            reasons.add(importers + " would be restarted");
        }
        return reasons;
    }

    private List<String> loadedNames() {
        return bundles.loaded().stream().map(LoadedModule::name).toList();
    }
}
