package itests.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import itests.Mdev;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Starts of the platform, with the AOT cache that {@code ./mdev} makes when it builds. */
record StartSubject(Path temp) implements Subject {
    private static final String PROMPT = "mdev> ";
    private static final Mdev MDEV = Mdev.here();

    @Override
    public String name() {
        return "start";
    }

    @Override
    public void measure(Report report, Effort effort) throws IOException, InterruptedException {
        int starts = effort.of(7, 1);
        report.add(Figure.alone("`./mdev` to the prompt", Unit.SECONDS, Target.atMost(1, Unit.SECONDS)), () -> {
            List<Double> times = new ArrayList<>();
            for (int i = 0; i < starts; i++) {
                times.add(prompt());
            }
            return List.of(Rounds.alone(times));
        });
        report.add(
                new Figure(
                        "`./mdev --private -c mdev:lsmod`, the whole process",
                        Unit.SECONDS,
                        "empty Felix with Gogo",
                        Target.atMost(0.8, Unit.SECONDS)),
                () -> {
                    List<Double> ours = new ArrayList<>();
                    List<Double> empty = new ArrayList<>();
                    for (int i = 0; i < starts; i++) {
                        ours.add(time(
                                () -> MDEV.run("--private", "-c", "mdev:lsmod").ok()));
                        empty.add(time(this::empty));
                    }
                    return List.of(new Rounds(ours, empty));
                });
    }

    private interface Step {
        void run() throws Exception;
    }

    private static double time(Step step) throws Exception {
        long start = System.nanoTime();
        step.run();
        return System.nanoTime() - start;
    }

    /** As {@code train} of {@code ./mdev}, which does nothing here: this build has built the platform. */
    static void trainCache() throws IOException, InterruptedException {
        Path target = MDEV.home().resolve("cnf/target");
        Path cache = target.resolve("mdev.aot");
        if (Files.exists(cache)
                && Files.getLastModifiedTime(cache).compareTo(Files.getLastModifiedTime(target.resolve("mdev.jar")))
                        > 0) {
            return;
        }
        Files.deleteIfExists(cache);
        Path made = target.resolve("mdev.aot.bench");
        ProcessBuilder training = MDEV.command("--private", "-c", "mdev:lsmod")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        training.environment().put("MDEV_TRAIN", made.toString());
        if (training.start().waitFor() == 0 && Files.exists(made)) {
            Files.move(made, cache);
        }
    }

    /** Runs on the terminal of script(1), because only a terminal shows a prompt. */
    private double prompt() throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory(BenchPlatform.TMPFS, "mdev");
        Path run = directory.resolve("run");
        String command = "stty cols 120 rows 40; " + MDEV.home().resolve("mdev") + " --no-mount --run " + run;
        long start = System.nanoTime();
        Process shell = new ProcessBuilder("script", "-qec", command, "/dev/null")
                .redirectErrorStream(true)
                .start();
        StringBuilder screen = new StringBuilder();
        while (screen.indexOf(PROMPT) < 0) {
            int c = shell.getInputStream().read();
            if (c < 0) {
                throw new AssertionError("no prompt: " + screen);
            }
            screen.append((char) c);
        }
        double nanos = System.nanoTime() - start;
        shell.getOutputStream().write("exit\r".getBytes(UTF_8));
        shell.getOutputStream().flush();
        shell.getInputStream().readAllBytes();
        shell.waitFor();
        try (Stream<Path> left = Files.walk(directory)) {
            for (Path file : left.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
        return nanos;
    }

    private void empty() throws IOException, InterruptedException {
        Process java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-XX:-UsePerfData",
                        "-XX:TieredStopAtLevel=1",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-cp",
                        String.join(File.pathSeparator, jar("org.apache.felix.framework"), jar("test-classes")),
                        EmptyFelix.class.getName(),
                        Files.createTempDirectory(temp, "felix").toString(),
                        jar("org.apache.felix.gogo.runtime"))
                .redirectErrorStream(true)
                .start();
        String said = new String(java.getInputStream().readAllBytes(), UTF_8);
        if (java.waitFor() != 0) {
            throw new AssertionError(said);
        }
    }

    private static String jar(String name) {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> Path.of(entry).getFileName().toString().startsWith(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("not on the class path: " + name));
    }
}
