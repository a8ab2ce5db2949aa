package mdev.console.demo;

import java.io.PrintStream;
import mdev.api.errno.ErrnoException;

/** What the demo shows: steps, each with what was typed, what came back, and whether it held. */
final class Transcript {
    private static final String INDENT = "    ";

    private final PrintStream out;
    private int number;
    private int failed;

    Transcript(PrintStream out) {
        this.out = out;
    }

    /** What a step does; it holds unless it throws. */
    @FunctionalInterface
    interface Step {
        void perform() throws ErrnoException, InterruptedException, Failure;
    }

    /** A step did not hold. */
    static final class Failure extends Exception {
        private static final long serialVersionUID = 1L;

        Failure(String reason) {
            super(reason, null, false, false);
        }
    }

    /** Performs a step. Those after one that failed are still performed: they clean up, too. */
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

    /** Prints what a user would type. */
    void typed(String command) {
        out.println(INDENT + "mdev> " + command);
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
