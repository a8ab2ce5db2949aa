package itests.vm;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.StringWriter;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A shell command on the pseudo terminal of script(1), as if a user typed. */
final class Terminal implements AutoCloseable {
    private final Process process;
    /** The output so far; filled by {@link #reader}. */
    private final StringWriter screen = new StringWriter();

    private final Thread reader;
    private int seen;

    Terminal(String command) throws IOException {
        process = new ProcessBuilder("script", "-qec", "stty cols 120 rows 40; " + command, "/dev/null")
                .redirectErrorStream(true)
                .start();
        reader = Thread.ofVirtual().start(this::read);
    }

    private void read() {
        try (var out = process.inputReader(UTF_8)) {
            for (int c = out.read(); c >= 0; c = out.read()) {
                screen.append((char) c);
            }
        } catch (IOException e) {
            // close() ended it.
        }
    }

    /** Waits for a text after the last awaited one. */
    void await(String text, Duration time) {
        try {
            Deadline.await(time, "'" + text + "' is printed", () -> screen().indexOf(text, seen) >= 0);
        } catch (AssertionError e) {
            throw new AssertionError("the screen:\n" + screen, e);
        }
        seen = screen().indexOf(text, seen) + text.length();
    }

    void type(String keys) throws IOException {
        process.getOutputStream().write(keys.getBytes(UTF_8));
        process.getOutputStream().flush();
    }

    /** Waits for the command to end; returns its exit status. */
    int end(Duration time) throws InterruptedException {
        if (!process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("it does not end; the screen:\n" + screen);
        }
        reader.join();
        return process.exitValue();
    }

    /** The output so far. */
    String screen() {
        return screen.toString();
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
