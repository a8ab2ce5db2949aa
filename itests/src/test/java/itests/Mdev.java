package itests;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code ./mdev} as a user runs it: a process with its own output, errors and exit status. */
public record Mdev(Path home) {
    /** The launcher of this source tree. */
    public static Mdev here() {
        return new Mdev(Path.of("..").toAbsolutePath().normalize());
    }

    /** The result of a run. */
    public record Ended(int status, String out, String err) {
        /**
         * The output of a successful run.
         *
         * @throws AssertionError if the run failed
         */
        public String ok() {
            if (status != 0) {
                throw new AssertionError("exit status " + status + ": " + err + out);
            }
            return out;
        }
    }

    /** Runs it to completion with empty input. */
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
                // It ended without reading: its status and errors state the reason.
            }
            return new Ended(end(process), Files.readString(out), Files.readString(err));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    /** Waits for a process to end; on timeout, kills it and fails the test. */
    static int end(Process process) throws InterruptedException {
        if (!process.waitFor(Patience.TIME)) {
            process.destroyForcibly();
            throw new AssertionError("does not end: " + process.info().commandLine());
        }
        return process.exitValue();
    }

    /** A process connected through pipes; its errors go to ours unless redirected. */
    public ProcessBuilder command(String... arguments) {
        List<String> command = new ArrayList<>(List.of(home.resolve("mdev").toString()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectError(Redirect.INHERIT);
    }
}
