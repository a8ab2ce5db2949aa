package mdev.console.engine;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.CountDownLatch;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Action;
import mdev.api.shell.ShellCommand.Arity;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.ShellCommand.Flag;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.console.Await;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.sync.Deadline;
import org.apache.felix.gogo.runtime.CommandProcessorImpl;
import org.apache.felix.gogo.runtime.threadio.ThreadIOImpl;
import org.jspecify.annotations.Nullable;

/** A real Gogo with some declared commands. */
public final class TestPlatform implements AutoCloseable {
    /** Counted down when {@code mdev:monitor} runs, and when it was interrupted. */
    public final CountDownLatch monitoring = new CountDownLatch(1);

    public final CountDownLatch interrupted = new CountDownLatch(1);

    /** Releases {@code mdev:hang}, which ignores interrupts. */
    public final CountDownLatch released = new CountDownLatch(1);

    private final ThreadIOImpl threadIo = new ThreadIOImpl();
    private final CommandProcessorImpl processor = new CommandProcessorImpl(threadIo);
    private final Catalogue catalogue = new Catalogue();
    private final Map<ShellCommand, CommandFunction> functions = new HashMap<>();

    public TestPlatform() {
        threadIo.start();
        new Builtins(catalogue, new LinkedHashMap<>(Map.of("mdev", "1.2.3")))
                .commands()
                .forEach(this::add);
        processor.addCommand("test", new Plain(), "plain");
        processor.addCommand("felix", new Plain(), "help");
        Candidates parents = (words, prefix) -> List.of("mtty", "gpu0", "odd name");
        Candidates types = (words, prefix) -> List.of(words.getFirst() + "-1", words.getFirst() + "-2");
        add(
                "create",
                "create a mediated device",
                TestPlatform::create,
                List.of(new Flag("-f", "by force")),
                Parameter.one("parent", parents),
                Parameter.one("type", types),
                Parameter.optional("uuid", Candidates.NONE));
        add("list", "list the devices", TestPlatform::list, List.of());
        add(
                "echo",
                "print the arguments",
                run -> new ShellResult.Text(String.join("|", run.arguments()) + "\n"),
                List.of(),
                new Parameter("word", Arity.MANY, Candidates.NONE));
        add("fail", "be refused", TestPlatform::fail, List.of(), Parameter.optional("errno", Candidates.NONE));
        add(
                "break",
                "have a bug",
                run -> {
                    throw new IllegalStateException("a\nbug");
                },
                List.of());
        add("cat", "print the input", TestPlatform::cat, List.of());
        add("monitor", "run until Ctrl-C", this::monitor, List.of());
        add("hang", "ignore Ctrl-C, then print much", this::hang, List.of());
        add(
                "size",
                "print the size",
                run -> new ShellResult.Text(run.size() + " " + run.rawTerminal().present() + "\n"),
                List.of());
        add(
                "nested",
                "run a line within a line",
                TestPlatform::nested,
                List.of(),
                Parameter.one("line", Candidates.NONE));
        add("gone", "have its reading broken off from elsewhere", TestPlatform::gone, List.of());
        add("where", "print the directory", run -> new ShellResult.Text(run.directory() + "\n"), List.of());
    }

    private void add(String name, String summary, Action action, List<Flag> flags, Parameter... parameters) {
        add(new ShellCommand("mdev", name, summary, List.of(parameters), flags, action));
    }

    public void add(ShellCommand command) {
        catalogue.add(command);
        CommandFunction function = new CommandFunction(command);
        functions.put(command, function);
        processor.addCommand(command.scope(), function, command.name());
    }

    /** As when the bundle of the command stops. */
    void remove(String name) {
        ShellCommand command = catalogue.find(name).orElseThrow();
        catalogue.remove(command);
        processor.removeCommand(functions.get(command));
    }

    /** Commands in the form of other bundles: methods of a plain object. */
    public static final class Plain {
        public void plain() {}

        public String help(String name) {
            return "help of " + name;
        }
    }

    public Shell shell(UserTerminal terminal) {
        return new GogoShell(processor, catalogue, terminal);
    }

    /**
     * Waits for Gogo's threads: a thread that ends an interrupted command sets the system's streams, which must not
     * happen after they have been restored.
     */
    @Override
    public void close() {
        released.countDown();
        processor.stop();
        Await.until(
                "Gogo's threads have ended",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .map(Thread::getName)
                        .noneMatch(name -> name.startsWith("pipe-")
                                || name.startsWith("job controller")
                                || name.startsWith("session-")));
        threadIo.stop();
    }

    private static ShellResult create(ShellInvocation run) {
        SequencedMap<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("arguments", run.arguments());
        fields.put("forced", run.flag("-f"));
        return new ShellResult.Details(fields);
    }

    private static ShellResult list(ShellInvocation run) {
        return new ShellResult.Listing(
                List.of("uuid", "ports"), List.of(Arrays.asList("83b8", 2), Arrays.asList("6ba7", null)));
    }

    private static ShellResult fail(ShellInvocation run) throws ErrnoException {
        Errno errno = run.arguments().isEmpty()
                ? Errno.EBUSY
                : Errno.valueOf(run.arguments().getFirst());
        throw new ErrnoException(errno, errno == Errno.EBUSY ? "it is in use" : "it is " + errno);
    }

    private static ShellResult cat(ShellInvocation run) {
        try {
            run.in().transferTo(run.out());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return ShellResult.DONE;
    }

    private static ShellResult nested(ShellInvocation run) throws InterruptedException {
        ShellInvocation.Output output = run.run(run.arguments().getFirst());
        return new ShellResult.Text(output.status() + " <" + output.out() + "> <" + output.err() + ">\n");
    }

    private static ShellResult gone(ShellInvocation run) throws ErrnoException {
        Thread.currentThread().interrupt();
        try {
            return new ShellResult.Text(run.in().read() + "\n");
        } catch (InterruptedIOException e) {
            Thread.interrupted();
            throw new ErrnoException(Errno.ENODEV, "the device is gone");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ShellResult hang(ShellInvocation run) {
        run.out().println("hanging");
        Deadline.in(Duration.ofDays(1)).awaitUninterruptibly(released);
        return new ShellResult.Text("x".repeat(1 << 20));
    }

    private ShellResult monitor(ShellInvocation run) throws InterruptedException {
        run.out().println("monitoring");
        monitoring.countDown();
        try {
            new CountDownLatch(1).await();
        } finally {
            interrupted.countDown();
        }
        return ShellResult.DONE;
    }
}
