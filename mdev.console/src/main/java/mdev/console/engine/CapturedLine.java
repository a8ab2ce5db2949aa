package mdev.console.engine;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import mdev.api.shell.ShellInvocation.Output;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.sync.Deadline;

/** The terminal for a line run by a command: it has no input and captures the output. */
final class CapturedLine implements UserTerminal {
    private static final Duration LEAVING = Duration.ofSeconds(10);

    private final Path directory;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private CapturedLine(Path directory) {
        this.directory = directory;
    }

    /**
     * Runs a line in the shell of the run, on a separate thread: on a command's own thread, Gogo would print the output
     * of the line into that command's pipe.
     *
     * @throws InterruptedException the line was interrupted, for example by Ctrl-C
     */
    static Output run(Run run, String line) throws InterruptedException {
        CapturedLine terminal = new CapturedLine(run.terminal().directory());
        CompletableFuture<Integer> status = new CompletableFuture<>();
        Shell shell = run.shell(terminal);
        Thread thread = Thread.ofPlatform().daemon().name("mdev-nested-shell").start(() -> {
            try (shell) {
                status.complete(shell.run(line).status());
            } catch (RuntimeException e) {
                status.completeExceptionally(e);
            }
        });
        try {
            return new Output(status.get(), text(terminal.out), text(terminal.err));
        } catch (InterruptedException e) {
            shell.interrupt();
            Deadline.in(LEAVING).join(thread);
            throw e;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private static String text(ByteArrayOutputStream stream) {
        return stream.toString(StandardCharsets.UTF_8);
    }

    @Override
    public Streams streams() {
        return new Streams(InputStream.nullInputStream(), out, err);
    }

    @Override
    public Path directory() {
        return directory;
    }
}
