package mdev.console.engine;

import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import mdev.console.shell.Shell;

/**
 * A shell within a command. Its lines run on a thread of their own, for Gogo lets what it finds running on a command's thread print into that command's pipe.
 */
final class NestedShell implements Shell {
    private final Shell shell;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("mdev-nested-shell").factory());

    NestedShell(Shell shell) {
        this.shell = shell;
    }

    /** An interrupt of the calling thread is Ctrl-C for the line. */
    @Override
    public Outcome run(String line) {
        Future<Outcome> outcome = thread.submit(() -> shell.run(line));
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return outcome.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                    shell.interrupt();
                }
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void interrupt() {
        shell.interrupt();
    }

    @Override
    public List<Completion> complete(String head) {
        return shell.complete(head);
    }

    @Override
    public void close() {
        thread.close();
        shell.close();
    }
}
