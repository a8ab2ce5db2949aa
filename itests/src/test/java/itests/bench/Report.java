package itests.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** The table of all figures, written again after each of them. */
final class Report {
    private static final Path LOAD = Path.of("/proc/loadavg");

    private final Path file;
    private final boolean small;
    private final List<String> lines = new ArrayList<>();
    private final List<String> failures = new ArrayList<>();

    /** Measures figures together. */
    @FunctionalInterface
    interface Measurement {
        /** @return one for each figure, in order */
        List<Rounds> run() throws Exception;
    }

    Report(Path file, boolean small) throws IOException {
        this.file = file;
        this.small = small;
        lines.add("# Benchmark");
        lines.add("");
        lines.add(machine());
        if (small) {
            lines.add("");
            lines.add("**The short form: it shows that each row can be measured; the figures mean nothing.**");
        }
        lines.add("");
        lines.add("A ratio is the median of those of all rounds, which alternate between both sides in one run; the");
        lines.add("spread is their minimum and maximum, or those of the figure if nothing is beside it.");
        lines.add("");
        lines.add("| figure | median | beside | ratio | spread | target | met |");
        lines.add("|---|---|---|---|---|---|---|");
        Files.createDirectories(file.getParent());
        write();
    }

    private static String machine() throws IOException {
        return "%d processors; Linux %s; Java %s; %s; load average %s before"
                .formatted(
                        Runtime.getRuntime().availableProcessors(),
                        System.getProperty("os.version"),
                        System.getProperty("java.vm.version"),
                        Instant.now().truncatedTo(ChronoUnit.SECONDS),
                        load());
    }

    /** The load average of a minute: what else the machine did. */
    private static String load() throws IOException {
        return Files.readString(LOAD).split(" ")[0];
    }

    /** Adds a row for each figure, also if they cannot be measured. */
    void add(List<Figure> figures, Measurement measurement) throws IOException, InterruptedException {
        try {
            List<Rounds> measured = measurement.run();
            for (int i = 0; i < figures.size(); i++) {
                lines.add(figures.get(i).row(measured.get(i), !small));
            }
        } catch (Unavailable e) {
            figures.forEach(figure -> lines.add(figure.row(String.valueOf(e.getMessage()))));
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
            failures.add(figures.getFirst().name() + ": " + e);
            figures.forEach(figure -> lines.add(figure.row("failed")));
        }
        lines.subList(lines.size() - figures.size(), lines.size()).forEach(System.out::println);
        write();
    }

    void add(Figure figure, Measurement measurement) throws IOException, InterruptedException {
        add(List.of(figure), measurement);
    }

    /** @return what failed */
    List<String> end() throws IOException {
        lines.set(2, lines.get(2) + ", " + load() + " after");
        write();
        return failures;
    }

    private void write() throws IOException {
        Files.write(file, lines);
    }
}
