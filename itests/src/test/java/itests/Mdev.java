package itests;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code ./mdev} as a person runs it: a process with its own output, errors and exit status. */
public record Mdev(Path home) {
    /** The one of this tree. */
    public static Mdev here() {
        return new Mdev(Path.of("..").toAbsolutePath().normalize());
    }

    /** How a run ended. */
    public record Ended(int status, String out, String err) {
        /**
         * The output of a run that went well.
         *
         * @throws AssertionError it did not
         */
        public String ok() {
            if (status != 0) {
                throw new AssertionError("exit status " + status + ": " + err + out);
            }
            return out;
        }
    }

    /** Runs it to its end; its input ends at once. */
    public Ended run(String... arguments) throws IOException, InterruptedException {
        return runWith("", arguments);
    }

    Ended runWith(String input, String... arguments) throws IOException, InterruptedException {
        Path out = Files.createTempFile("mdev", ".out");
        Path err = Files.createTempFile("mdev", ".err");
        try {
            Process process = command(arguments)
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile())
                    .start();
            try (var stdin = process.getOutputStream()) {
                stdin.write(input.getBytes(UTF_8));
            } catch (IOException e) {
                // It ended without having read: its status and its errors say why.
            }
            return new Ended(end(process), Files.readString(out), Files.readString(err));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    /** Waits for the end of a process; it is killed, and the test fails, if it does not come. */
    static int end(Process process) throws InterruptedException {
        if (!process.waitFor(Patience.TIME)) {
            process.destroyForcibly();
            throw new AssertionError("does not end: " + process.info().commandLine());
        }
        return process.exitValue();
    }

    /** What talks to us through pipes, errors to ours unless redirected. */
    public ProcessBuilder command(String... arguments) {
        List<String> command = new ArrayList<>(List.of(home.resolve("mdev").toString()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectError(Redirect.INHERIT);
    }
}
