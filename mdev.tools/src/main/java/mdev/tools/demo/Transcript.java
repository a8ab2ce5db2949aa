package mdev.tools.demo;

import java.io.PrintStream;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellInvocation.Output;

/** The output of the demo: its steps, each with the input, the output, and whether it succeeded. */
final class Transcript {
    private static final String INDENT = "    ";

    private final ShellInvocation shell;
    private final PrintStream out;
    private int number;
    private int failed;

    /** @param shell runs the input, and prints the transcript */
    Transcript(ShellInvocation shell) {
        this.shell = shell;
        this.out = shell.out();
    }

    /** The action of a step, which succeeds unless it throws. */
    @FunctionalInterface
    interface Step {
        void perform() throws ErrnoException, InterruptedException, Failure;
    }

    /** A step failed. */
    static final class Failure extends Exception {
        private static final long serialVersionUID = 1L;

        Failure(String reason) {
            super(reason, null, false, false);
        }
    }

    /** Performs a step. The steps after a failed one still run, because they also clean up. */
    void step(String title, Step step) throws InterruptedException {
        number++;
        out.println("\n" + number + ". " + title);
        try {
            step.perform();
            out.println(INDENT + "ok");
        } catch (Failure | ErrnoException | RuntimeException e) {
            failed++;
            out.println(INDENT + "FAILED: " + e.getMessage());
        }
    }

    /** Runs a line as a user would, and shows it with its output. */
    void type(String line) throws Failure, InterruptedException {
        prompt(line);
        shown(run(line));
    }

    /** Runs a line that must be rejected, and shows it with the error message. */
    void typeInVain(String line) throws Failure, InterruptedException {
        prompt(line);
        Output output = shell.run(line);
        shown(output.err());
        if (output.status() == 0) {
            throw new Failure("'" + line + "' should have failed");
        }
    }

    /**
     * Runs a line without showing it.
     *
     * @throws Failure the line failed
     */
    String run(String line) throws Failure, InterruptedException {
        Output output = shell.run(line);
        if (output.status() != 0) {
            throw new Failure(output.err().strip());
        }
        return output.out();
    }

    private void prompt(String line) {
        out.println(INDENT + "mdev> " + line);
    }

    void shown(String text) {
        text.lines().forEach(line -> out.println((INDENT + line).stripTrailing()));
    }

    /** @throws Failure the two differ */
    static void check(String what, Object expected, Object found) throws Failure {
        if (!expected.equals(found)) {
            throw new Failure(what + " is " + found + ", not " + expected);
        }
    }

    int steps() {
        return number;
    }

    int failed() {
        return failed;
    }
}
