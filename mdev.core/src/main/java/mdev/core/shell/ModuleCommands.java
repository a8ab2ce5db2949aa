package mdev.core.shell;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Flag;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.core.MdevCore;
import mdev.core.MdevDevice;
import mdev.core.Module;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;

/** {@code mdev:lsmod}, {@code modprobe}, {@code rmmod}: bundles as kernel modules. */
final class ModuleCommands {
    private static final String FORCE = "-f";

    private final MdevCore core;
    private final BundleContext context;
    private final Bundles bundles;

    ModuleCommands(MdevCore core, BundleContext context) {
        this.core = core;
        this.context = context;
        this.bundles = new Bundles(context);
    }

    List<ShellCommand> commands() {
        return List.of(
                new ShellCommand("mdev", "lsmod", "lists the loaded modules", List.of(), List.of(), _ -> lsmod()),
                new ShellCommand(
                        "mdev",
                        "modprobe",
                        "loads a module: by name from the module path, or from a file or URL",
                        List.of(Parameter.one("bundle", Named.offer(bundles::loadable))),
                        List.of(),
                        this::modprobe),
                new ShellCommand(
                        "mdev",
                        "rmmod",
                        "unloads a module",
                        List.of(Parameter.one("bundle", Named.offer(this::loaded))),
                        List.of(new Flag(FORCE, "even while its devices are open or others use it")),
                        this::rmmod));
    }

    private ShellResult lsmod() {
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (Module module : core.modules()) {
            rows.add(Arrays.asList(
                    module.name(),
                    module.owner().version(),
                    module.owner().symbolicName(),
                    "live",
                    module.users(),
                    core.devices().stream().filter(module::concerns).count()));
        }
        return new ShellResult.Listing(List.of("module", "version", "bundle", "state", "used_by", "devices"), rows);
    }

    private List<String> loaded() {
        return core.modules().stream().map(Module::name).toList();
    }

    private ShellResult modprobe(ShellInvocation invocation) throws ErrnoException {
        String name = invocation.arguments().getFirst();
        boolean location = name.contains("/") || name.contains(":") || name.endsWith(".jar");
        Optional<Bundle> installed = location ? Optional.empty() : bundles.installed(name);
        if (installed.isPresent()) {
            start(installed.get());
            return ShellResult.DONE;
        }
        String from = location
                ? location(name, invocation.directory())
                : bundles.file(name).map(ModuleCommands::url).orElseThrow(() -> unknown(name));
        install(from);
        return ShellResult.DONE;
    }

    private String location(String name, Path directory) throws ErrnoException {
        if (name.matches("[a-z]{2,}:.*")) {
            return name;
        }
        Path file = directory.resolve(name);
        if (!Files.isRegularFile(file)) {
            throw new ErrnoException(Errno.ENOENT, "no file " + name);
        }
        if (Bundles.symbolicName(file).isEmpty()) {
            throw new ErrnoException(Errno.EINVAL, name + " is no bundle");
        }
        return url(file);
    }

    private static String url(Path file) {
        return file.toAbsolutePath().normalize().toUri().toString();
    }

    private ErrnoException unknown(String name) {
        return new ErrnoException(Errno.ENOENT, Suggestion.no("module %s", name, bundles.loadable()));
    }

    private void install(String location) throws ErrnoException {
        boolean there = context.getBundle(location) != null;
        Bundle bundle;
        try {
            bundle = context.installBundle(location);
        } catch (BundleException e) {
            throw failed(location + " cannot be installed", e);
        }
        try {
            start(bundle);
        } catch (ErrnoException e) {
            if (!there) {
                discard(bundle);
            }
            throw e;
        }
    }

    private static void start(Bundle bundle) throws ErrnoException {
        try {
            // As the bundle says itself: now, or when its first class is needed.
            bundle.start(Bundle.START_ACTIVATION_POLICY);
        } catch (BundleException e) {
            throw failed(bundle.getSymbolicName() + " cannot be started", e);
        }
    }

    private static void discard(Bundle bundle) throws ErrnoException {
        try {
            bundle.uninstall();
        } catch (BundleException e) {
            throw failed(bundle.getSymbolicName() + " cannot be uninstalled", e);
        }
    }

    private ShellResult rmmod(ShellInvocation invocation) throws ErrnoException {
        String name = invocation.arguments().getFirst();
        Bundle bundle = bundles.installed(name)
                .orElseThrow(() -> new ErrnoException(Errno.ENOENT, Suggestion.no("module %s", name, loaded())));
        List<String> reasons = reasonsToStay(bundle);
        if (!reasons.isEmpty()) {
            String line = name + " is in use: " + String.join(", ", reasons);
            if (!invocation.flag(FORCE)) {
                throw new ErrnoException(Errno.EBUSY, line + "; " + FORCE + " unloads it all the same");
            }
            invocation.err().println(line);
        }
        discard(bundle);
        return ShellResult.DONE;
    }

    private List<String> reasonsToStay(Bundle bundle) {
        List<String> reasons = new ArrayList<>();
        for (Module module : core.modules()) {
            if (module.owner().bundleId() == bundle.getBundleId()) {
                for (MdevDevice device : core.devices()) {
                    if (module.concerns(device)) {
                        device.user().ifPresent(user -> reasons.add(device.name() + " by " + user));
                    }
                }
            } else if (bundle.equals(context.getBundle())) {
                reasons.add("by " + module.name());
            }
        }
        bundles.dependents(bundle).forEach(dependent -> reasons.add(dependent + " would be restarted"));
        return reasons;
    }

    private static ErrnoException failed(String what, BundleException e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        String reason = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
        return new ErrnoException(Errno.EIO, what + ": " + reason);
    }
}
