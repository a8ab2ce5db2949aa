package mdev.console;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import java.util.stream.Stream;
import mdev.api.ParentRegistry;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsMount;
import mdev.api.vfio.Vfio;
import mdev.config.CheckedProperties;
import mdev.config.IntKey;
import mdev.console.Settings.Mode;
import mdev.console.bundle.BundleLifeCycle;
import mdev.console.bundle.ConfigurationFolder;
import mdev.console.bundle.ConfigurationName;
import mdev.console.bundle.Ending;
import mdev.console.bundle.KnownPids;
import mdev.console.control.ControlLimits;
import mdev.console.control.ControlServer;
import mdev.console.control.RunDirectory;
import mdev.console.engine.Commands;
import mdev.console.engine.GogoShell;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.console.shell.Words;
import mdev.console.terminal.InteractiveShell;
import mdev.console.terminal.JLineTerminal;
import mdev.console.terminal.PipedShell;
import mdev.console.terminal.StandardStreams;
import mdev.console.terminal.Tty;
import mdev.sync.Deadline;
import org.apache.felix.service.command.CommandProcessor;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.launch.Framework;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.util.tracker.ServiceTracker;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The main program: bnd's launcher calls it on the main thread once all bundles are started, and exits with the
 * returned status. In any other framework it is never called and does nothing.
 */
@Component(service = Callable.class, property = "main.thread=true", configurationPid = ConsoleConfig.PID)
@Designate(ocd = ConsoleConfig.class)
public final class Console implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(Console.class);
    private static final Duration READY = Duration.ofSeconds(10);
    private static final Duration LEAVING = Duration.ofSeconds(5);

    /** {@code RELISTEN_FOR_MAIN_CALLABLE} of bnd's launcher: this console is being restarted. */
    private static final int ANOTHER_WILL_COME = 198;

    private static final IntKey CLIENTS = new IntKey("maxClients", 1, ConsoleConfig.MAX_COUNT, ConsoleConfig.CLIENTS);
    private static final IntKey LINES = new IntKey("maxQueuedLines", 1, ConsoleConfig.MAX_COUNT, ConsoleConfig.LINES);

    private final BundleContext context;
    private final Commands commands;
    private final BundleLifeCycle bundles;
    private final ConfigurationFolder configurations;
    private final Ending ending;
    private final StandardStreams streams = new StandardStreams();
    private final CountDownLatch left = new CountDownLatch(1);
    private volatile ControlLimits limits;

    /**
     * The thread that a requested end interrupts. Guarded by this object's monitor, so that the thread returns to the
     * launcher uninterrupted.
     */
    private @Nullable Thread main;

    @Activate
    public Console(
            BundleContext context,
            Map<String, Object> properties,
            @Reference Commands commands,
            @Reference BundleLifeCycle bundles,
            @Reference ConfigurationFolder configurations,
            @Reference Ending ending) {
        this.context = context;
        this.commands = commands;
        this.bundles = bundles;
        this.configurations = configurations;
        this.ending = ending;
        this.limits = limits(properties);
    }

    /** Applies to later clients and lines. */
    @Modified
    void configure(Map<String, Object> properties) {
        limits = limits(properties);
    }

    private static ControlLimits limits(Map<String, Object> properties) {
        CheckedProperties checked = new CheckedProperties(ConsoleConfig.PID, properties, CLIENTS, LINES);
        return new ControlLimits(checked.get(CLIENTS), checked.get(LINES));
    }

    @Override
    public Integer call() {
        enter(Thread.currentThread());
        ending.onRequest(this::interrupt);
        try {
            return run(Settings.of(context::getProperty));
        } catch (IOException | IllegalArgumentException e) {
            return refuse(String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            return ending.statusOr(Shell.Outcome.INTERRUPTED);
        } finally {
            leave();
        }
    }

    private int run(Settings settings) throws IOException, InterruptedException {
        Framework framework = context.getBundle(0).adapt(Framework.class);
        Termination termination =
                Termination.watch(framework, bundles, ending, settings.mode() == Mode.SERVE, settings.leftovers());
        try (RunDirectory directory = RunDirectory.open(settings.run())) {
            List<String> missing = missing(needed(settings), Deadline.in(READY));
            if (!missing.isEmpty()) {
                return refuse("not ready after " + READY.toSeconds() + " s, missing: " + String.join(", ", missing));
            }
            CommandProcessor processor = context.getService(context.getServiceReference(CommandProcessor.class));
            Function<UserTerminal, Shell> shells = terminal -> new GogoShell(processor, commands.catalogue(), terminal);
            List<String> loaded = new ArrayList<>();
            configure();
            int status = load(settings.load(), shells, loaded);
            if (status != 0 && settings.mode() != Mode.SHELL) {
                return status;
            }
            configure();
            warnOfUnknownPids();
            try (ControlServer server = ControlServer.open(directory, shells, () -> limits)) {
                LOG.info("listening on {}", server.socket());
                return ending.statusOr(run(settings, loaded, directory, shells));
            }
        } finally {
            if (ending.statusOr(Shell.Outcome.FAILED) == ANOTHER_WILL_COME) {
                termination.forget();
            } else {
                termination.expect();
            }
        }
    }

    /** Waits until all the services are registered; returns the names of those still missing at the deadline. */
    private List<String> missing(List<Class<?>> services, Deadline deadline) throws InterruptedException {
        List<String> missing = new ArrayList<>();
        for (Class<?> service : services) {
            ServiceTracker<?, ?> tracker = new ServiceTracker<>(context, service, null);
            tracker.open();
            if (tracker.waitForService(Math.max(1, deadline.remainingMillis())) == null) {
                missing.add(service.getName());
            }
            tracker.close();
        }
        return missing;
    }

    private static List<Class<?>> needed(Settings settings) {
        Stream<Class<?>> always = Stream.of(CommandProcessor.class, ParentRegistry.class, Sysfs.class, Vfio.class);
        return Stream.concat(always, settings.mount() ? Stream.of(SysfsMount.class) : Stream.empty())
                .toList();
    }

    /** The mount point of the tree. If the mount failed, the view has logged a warning. */
    private String mounted() {
        ServiceReference<SysfsMount> view = context.getServiceReference(SysfsMount.class);
        return Optional.ofNullable(view)
                .map(context::getService)
                .flatMap(SysfsMount::directory)
                .map(Path::toString)
                .orElse("none");
    }

    private int run(
            Settings settings, List<String> loaded, RunDirectory directory, Function<UserTerminal, Shell> shells)
            throws IOException, InterruptedException {
        return switch (settings.mode()) {
            case SERVE -> {
                print(
                        streams.out(),
                        "mdev: ready run=" + directory.path() + " mount=" + mounted() + " loaded="
                                + (loaded.isEmpty() ? "none" : String.join(",", loaded)));
                ending.await();
                yield 0;
            }
            case COMMAND -> {
                try (Shell shell = shells.apply(streams)) {
                    yield shell.run(settings.command()).status();
                }
            }
            case SHELL -> Tty.interactive() ? interactive(shells) : piped(shells);
        };
    }

    private int interactive(Function<UserTerminal, Shell> shells) {
        try (JLineTerminal terminal = JLineTerminal.open();
                Shell shell = shells.apply(terminal)) {
            return new InteractiveShell(shell, terminal, ending::requested).run();
        }
    }

    private int piped(Function<UserTerminal, Shell> shells) throws IOException {
        try (Shell shell = shells.apply(streams)) {
            return new PipedShell(shell, streams.in(), ending::requested).run();
        }
    }

    /**
     * Loads the modules with {@code mdev:modprobe}. A module whose code does not return is skipped and does not count
     * as failed.
     *
     * @param loaded receives the loaded modules
     * @return 0, or the status of the first failure
     */
    private int load(List<String> modules, Function<UserTerminal, Shell> shells, List<String> loaded) {
        int failed = 0;
        try (Shell shell = shells.apply(streams)) {
            for (String module : modules) {
                int hanging = bundles.hanging();
                int status = shell.run("mdev:modprobe " + Words.quote(module)).status();
                if (status == 0) {
                    loaded.add(module);
                } else if (failed == 0 && bundles.hanging() == hanging) {
                    failed = status;
                }
            }
        }
        return failed;
    }

    /** Before and after the modules are loaded: some files belong to nobody before. */
    private void configure() throws InterruptedException {
        if (!configurations.apply(Deadline.in(READY))) {
            LOG.warn("not all configurations are applied yet");
        }
    }

    /** The launcher cannot check the PIDs of its {@code --set}, which are separated by spaces. */
    private void warnOfUnknownPids() {
        String set = context.getProperty("mdev.set");
        new KnownPids(context)
                .unknown(set == null ? List.of() : List.of(set.split(" "))).stream()
                        .map(ConfigurationName::pid)
                        .distinct()
                        .forEach(pid ->
                                LOG.warn("--set: no component has the PID '{}': see docs/configuration.md", pid));
    }

    private int refuse(String reason) {
        print(streams.err(), "mdev: " + reason);
        return Shell.Outcome.FAILED;
    }

    private static void print(OutputStream stream, String line) {
        new PrintStream(stream, true, StandardCharsets.UTF_8).println(line);
    }

    private synchronized void enter(Thread thread) {
        main = thread;
    }

    private synchronized void interrupt() {
        if (main != null) {
            main.interrupt();
        }
    }

    private synchronized void leave() {
        main = null;
        Thread.interrupted();
        left.countDown();
    }

    private synchronized boolean entered() {
        return main != null;
    }

    /**
     * Called when the bundle stops, by a refresh or with the framework: the main thread releases the socket and the
     * lock if it still holds them.
     */
    @Deactivate
    void close() {
        ending.request(ANOTHER_WILL_COME);
        if (entered() && !Deadline.in(LEAVING).awaitUninterruptibly(left)) {
            LOG.warn("left behind a command that does not end");
        }
    }
}
