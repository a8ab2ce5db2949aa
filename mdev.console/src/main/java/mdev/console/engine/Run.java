package mdev.console.engine;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.sync.Deadline;
import org.apache.felix.service.command.CommandSession;
import org.jspecify.annotations.Nullable;

/**
 * A command line being run, to which its commands report. The commands of a pipe run concurrently, and Gogo does not
 * wait for a command that it interrupted. The monitor guards the set of running commands.
 */
final class Run {
    private static final String VARIABLE = ".mdev.run";
    private static final Duration CLEANING_UP = Duration.ofSeconds(10);

    private final UserTerminal terminal;
    private final Function<UserTerminal, Shell> shells;
    private final Supplier<Set<String>> names;
    private final Set<Thread> commands = new HashSet<>();
    private boolean interrupted;
    private int status;
    private boolean exit;
    private int exitStatus;

    /**
     * @param shells creates shells like the one that runs this line, for other terminals
     * @param names the names of all commands of the shell
     */
    Run(UserTerminal terminal, Function<UserTerminal, Shell> shells, Supplier<Set<String>> names) {
        this.terminal = terminal;
        this.shells = shells;
        this.names = names;
    }

    /** Makes this the current run of the session. */
    void attach(CommandSession session) {
        session.put(VARIABLE, this);
    }

    /** The current run of the session, or {@code null} if the session does not belong to one of our shells. */
    static @Nullable Run of(CommandSession session) {
        return session.get(VARIABLE) instanceof Run run ? run : null;
    }

    Shell shell(UserTerminal other) {
        return shells.apply(other);
    }

    Set<String> names() {
        return names.get();
    }

    UserTerminal terminal() {
        return terminal;
    }

    /** Called when a command starts on this thread. Pairs with {@link #leave}. */
    synchronized void enter() throws InterruptedException {
        if (interrupted) {
            throw new InterruptedException();
        }
        commands.add(Thread.currentThread());
    }

    /** Called when a command has ended on this thread: the thread is no longer interrupted. */
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

    /** Waits for interrupted commands to clean up. Commands that do not end by the deadline are left behind. */
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

    /** The threads of the commands still running. */
    synchronized Set<Thread> running() {
        return Set.copyOf(commands);
    }

    /** Called when a part of the current pipe has failed. */
    synchronized void failed(int status) {
        this.status = status;
    }

    /** The status of the pipe since the last call: that of the last part to fail, or 0. */
    synchronized int takeStatus() {
        int taken = status;
        status = 0;
        return taken;
    }

    /** Requests to leave the shell with a status. */
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
