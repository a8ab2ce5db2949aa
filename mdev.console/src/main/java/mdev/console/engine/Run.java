package mdev.console.engine;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.sync.Deadline;
import org.apache.felix.service.command.CommandSession;
import org.jspecify.annotations.Nullable;

/**
 * A command line being run: where its commands report. Commands of a pipe run at once, and Gogo does not wait for one
 * that it has interrupted; its monitor guards who is still running.
 */
final class Run {
    private static final String VARIABLE = ".mdev.run";
    private static final Duration CLEANING_UP = Duration.ofSeconds(10);

    private final UserTerminal terminal;
    private final Function<UserTerminal, Shell> shells;
    private final Set<Thread> commands = new HashSet<>();
    private boolean interrupted;
    private int status;
    private boolean exit;
    private int exitStatus;

    /** @param shells makes shells like the one that runs this, for other terminals */
    Run(UserTerminal terminal, Function<UserTerminal, Shell> shells) {
        this.terminal = terminal;
        this.shells = shells;
    }

    /** Makes this the run that commands of the session belong to. */
    void attach(CommandSession session) {
        session.put(VARIABLE, this);
    }

    /** The run that a command of the session belongs to, or {@code null} when the session is not one of our shells. */
    static @Nullable Run of(CommandSession session) {
        return session.get(VARIABLE) instanceof Run run ? run : null;
    }

    Shell shell(UserTerminal other) {
        return shells.apply(other);
    }

    UserTerminal terminal() {
        return terminal;
    }

    /** A command starts on this thread. Pairs with {@link #leave}. */
    synchronized void enter() throws InterruptedException {
        if (interrupted) {
            throw new InterruptedException();
        }
        commands.add(Thread.currentThread());
    }

    /** A command ended on this thread: it is interrupted no more. */
    synchronized void leave() {
        commands.remove(Thread.currentThread());
        Thread.interrupted();
        notifyAll();
    }

    synchronized void interrupt() {
        interrupted = true;
        commands.forEach(Thread::interrupt);
    }

    synchronized boolean interrupted() {
        return interrupted;
    }

    /** Waits for commands that were interrupted to clean up after themselves; those that do not end are left behind. */
    synchronized void awaitCommands() {
        Deadline deadline = Deadline.in(CLEANING_UP);
        boolean again = false;
        while (!commands.isEmpty() && !deadline.hasPassed()) {
            try {
                wait(Math.max(1, deadline.remainingMillis()));
            } catch (InterruptedException e) {
                again = true;
                commands.forEach(Thread::interrupt);
            }
        }
        if (again) {
            Thread.currentThread().interrupt();
        }
    }

    /** The threads of commands that have not ended. */
    synchronized Set<Thread> running() {
        return Set.copyOf(commands);
    }

    /** A part of the current pipe failed. */
    synchronized void failed(int status) {
        this.status = status;
    }

    /** The status of the pipe since the last call: that of the part that failed last, or 0. */
    synchronized int takeStatus() {
        int taken = status;
        status = 0;
        return taken;
    }

    /** The line asks to leave the shell with a status. */
    synchronized void exit(int status) {
        exitStatus = status;
        exit = true;
    }

    synchronized boolean exiting() {
        return exit;
    }

    synchronized int exitStatus() {
        return exitStatus;
    }
}
