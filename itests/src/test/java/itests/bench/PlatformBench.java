package itests.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import itests.Mdev;
import itests.PackedBundle;
import itests.vm.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Measures the platform as shipped and prints the table of docs/performance.md. */
final class PlatformBench {
    private static final double SECOND = 1e9;
    private static final double FLAT = 0.8;
    private static final int STARTS = 5;
    private static final int INSTALLS = 20;
    private static final int DEVICES = 10_000;
    private static final int ROUNDS = 11;
    private static final String SERVED = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

    /**
     * The run directory is on a tmpfs, like /run and $XDG_RUNTIME_DIR: ext4 would search its inodes for each socket.
     */
    private static final Path TMPFS = Path.of("/dev/shm");

    private static final String PROMPT = "mdev> ";

    private final Mdev mdev = Mdev.here();

    @Test
    void measure(@TempDir Path temp) throws Exception {
        List<String> table = new ArrayList<>();
        table.add("load average when it began: " + load());
        table.add("");
        table.add("| measurement | median | minimum | maximum | samples |");
        table.add("|---|---|---|---|---|");
        mdev.run("--private", "-c", "mdev:lsmod").ok(); // builds stale parts, warms the page cache

        table.add(repeat(() -> prompt(temp.resolve("run"))).row("`./mdev` to the prompt", "s", 1));
        table.add(repeat(() ->
                        time(() -> mdev.run("--private", "-c", "mdev:lsmod").ok()))
                .row("`./mdev --private -c mdev:lsmod`, its own platform, to the end of the process", "s", 1));
        try (Platform platform = Platform.start(Files.createTempDirectory(TMPFS, "mdev"))) {
            String run = platform.run().toString();
            table.add(repeat(() -> time(
                            () -> mdev.run("--run", run, "-c", "mdev:lsmod").ok()))
                    .row("`./mdev -c mdev:lsmod`, in a running platform, to the end of the process", "s", 1));
            mdev.run(
                            "--run",
                            run,
                            "-c",
                            "mdev:modprobe " + PackedBundle.build("itests.bench", "itests.bench.inside", temp))
                    .ok();

            List<Double> installs =
                    figures(ask(run, "bench:install " + INSTALLS), "seconds").toList();
            table.add(new Figures(installs.subList(0, 1)).row("hot install of `vendor.mtty`, first", "ms", 1e3));
            table.add(new Figures(installs.subList(1, INSTALLS))
                    .row("hot install of `vendor.mtty`, repeated", "ms", 1e3));

            mdev.run("--run", run, "-c", "mdev:modprobe vendor.mtty; mdev:create mtty mtty-1 " + SERVED)
                    .ok();
            Path socket = platform.run().resolve("vfio-user/" + SERVED + ".sock");
            table.add(new Figures(RegionReads.measure(socket))
                    .row("a byte read from another process over vfio-user, round trip", "us", 1e6));
            mdev.run("--run", run, "-c", "mdev:remove " + SERVED).ok();

            pin(platform);
            JsonNode answer = ask(run, "bench:devices " + DEVICES + " " + ROUNDS);
            List<Double> few = figures(answer, "few").toList();
            List<Double> many = figures(answer, "many").toList();
            table.add(new Figures(few).row("create + remove, no other device", "/s", 1));
            table.add(new Figures(many).row("create + remove, 10,000 devices present", "/s", 1));
            table.add(new Figures(figures(answer, "bytes").toList()).row("heap per idle device", "bytes", 1));
            // The ratio of adjacent blocks: the machine's speed differs a minute later.
            double ratio = new Figures(IntStream.range(0, ROUNDS)
                            .mapToObj(round -> many.get(round) / few.get(round))
                            .toList())
                    .median();
            table.add("");
            table.add(String.format(
                    Locale.ROOT, "10,000 present : none present = %.2f (the target is at least %.1f)", ratio, FLAT));
            table.add("load average when it ended: " + load());
            table.forEach(System.out::println);
            Assertions.assertTrue(ratio >= FLAT, "create and remove are not flat");
        }
    }

    private static String load() throws IOException {
        return Files.readString(Path.of("/proc/loadavg")).strip();
    }

    /**
     * Pins to the first permitted processor: in a virtual machine, waking another one takes longer than a pair, and the
     * time is random.
     */
    private static void pin(Platform platform) throws Exception {
        String allowed = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("Cpus_allowed_list:"))
                .map(line -> line.replaceFirst("\\D*(\\d+).*", "$1"))
                .findFirst()
                .orElseThrow();
        Process taskset = new ProcessBuilder("taskset", "-acp", allowed, Long.toString(platform.pid()))
                .redirectErrorStream(true)
                .start();
        String said = new String(taskset.getInputStream().readAllBytes(), UTF_8);
        Assertions.assertEquals(0, taskset.waitFor(), said);
    }

    private static Figures repeat(Callable<Double> measured) throws Exception {
        List<Double> values = new ArrayList<>();
        for (int i = 0; i < STARTS; i++) {
            values.add(measured.call());
        }
        return new Figures(values);
    }

    private static double time(Callable<?> measured) throws Exception {
        long start = System.nanoTime();
        measured.call();
        return (System.nanoTime() - start) / SECOND;
    }

    /** Runs on the terminal of script(1), because only a terminal shows a prompt. */
    private double prompt(Path run) throws Exception {
        String command = "stty cols 120 rows 40; " + mdev.home().resolve("mdev") + " --no-mount --run " + run;
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
        double seconds = (System.nanoTime() - start) / SECOND;
        shell.getOutputStream().write("exit\r".getBytes(UTF_8));
        shell.getOutputStream().flush();
        shell.getInputStream().readAllBytes();
        shell.waitFor();
        return seconds;
    }

    private JsonNode ask(String run, String command) throws Exception {
        return new ObjectMapper()
                .readTree(mdev.run("--run", run, "-c", command + " --json").ok());
    }

    private static Stream<Double> figures(JsonNode answer, String name) {
        return StreamSupport.stream(answer.get(name).spliterator(), false).map(JsonNode::asDouble);
    }
}
