package itests.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import itests.Mdev;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The programs in C beside which the platform is measured, compiled when they are needed. */
final class Programs {
    private static final Duration LONGEST = Duration.ofMinutes(3);

    private final Path sources = Mdev.here().home().resolve("itests/src/test/c");
    private final Path compiled;

    Programs(Path compiled) {
        this.compiled = compiled;
    }

    /** @throws Unavailable no C compiler, or not the headers of a library */
    String path(String name, String... packages) throws Unavailable, IOException, InterruptedException {
        Path program = compiled.resolve(name);
        if (Files.exists(program)) {
            return program.toString();
        }
        List<String> libraries = new ArrayList<>();
        for (String library : packages) {
            libraries.addAll(
                    List.of(run("no headers of " + library, List.of("pkg-config", "--cflags", "--libs", library))
                            .split("\\s+")));
        }
        run("no C compiler", List.of("cc", "--version"));
        List<String> compiler = new ArrayList<>(List.of("cc", "-O2", "-pthread", "-o", program.toString()));
        compiler.add(sources.resolve(name + ".c").toString());
        compiler.addAll(libraries);
        Process cc = new ProcessBuilder(compiler).redirectErrorStream(true).start();
        String said = new String(cc.getInputStream().readAllBytes(), UTF_8);
        if (cc.waitFor() != 0) {
            throw new AssertionError(said);
        }
        return program.toString();
    }

    private static String run(String otherwise, List<String> command)
            throws Unavailable, IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) { // there is no such program
            throw new Unavailable(otherwise);
        }
        String said = new String(process.getInputStream().readAllBytes(), UTF_8);
        if (process.waitFor() != 0) {
            throw new Unavailable(otherwise);
        }
        return said.strip();
    }

    /** Starts a server; returns once it has said that it is ready. */
    static Process serve(String processors, String... command) throws IOException {
        Process server = Placement.on(processors, List.of(command))
                .redirectErrorStream(true)
                .start();
        BufferedReader said = server.inputReader();
        String line = said.readLine();
        if (!"ready".equals(line)) {
            server.destroyForcibly();
            throw new AssertionError(command[0] + ": " + line);
        }
        return server;
    }

    /** One side of a round, as the programs print it. */
    record Side(double median, double p99, double rate) {}

    /** The rounds of a program that measures both sides in turn. */
    record Alternation(List<Side> ours, List<Side> beside) {
        interface Of {
            double value(Side side);
        }

        Rounds rounds(Of of) {
            return new Rounds(
                    ours.stream().map(of::value).toList(),
                    beside.stream().map(of::value).toList());
        }
    }

    /**
     * Runs a program that prints a line for each round.
     *
     * @param skip the number of rounds that do not count
     */
    static Alternation alternate(String processors, int skip, List<String> command)
            throws IOException, InterruptedException {
        Process program =
                Placement.on(processors, command).redirectErrorStream(true).start();
        Thread killer = Thread.ofVirtual().start(() -> kill(program));
        List<Side> ours = new ArrayList<>();
        List<Side> beside = new ArrayList<>();
        List<String> lines = program.inputReader().readAllLines();
        killer.interrupt();
        if (program.waitFor() != 0) {
            throw new AssertionError(command + ": " + lines);
        }
        for (String line : lines.subList(skip, lines.size())) {
            double[] numbers = Stream.of(line.strip().split(" "))
                    .mapToDouble(Double::parseDouble)
                    .toArray();
            ours.add(new Side(numbers[0], numbers[1], numbers[2]));
            beside.add(new Side(numbers[3], numbers[4], numbers[5]));
        }
        return new Alternation(ours, beside);
    }

    private static void kill(Process program) {
        try {
            if (!program.waitFor(LONGEST)) {
                program.destroyForcibly();
            }
        } catch (InterruptedException e) {
            // It has ended.
        }
    }
}
