package itests.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The processors of the measured processes.
 *
 * @param server of the platform and of what is beside it
 * @param client of the program that measures
 */
record Placement(String name, String server, String client) {
    static Placement oneProcessor() throws IOException {
        String first = allowed().getFirst().toString();
        return new Placement("one processor", first, first);
    }

    /** The client and its server have a processor each. */
    static Placement apart() throws IOException, Unavailable {
        List<Integer> two = two();
        return new Placement(
                "two processors", two.getLast().toString(), two.getFirst().toString());
    }

    /** All share two processors. */
    static Placement twoProcessors() throws IOException, Unavailable {
        List<Integer> two = two();
        String both = two.getFirst() + "," + two.getLast();
        return new Placement("two processors", both, both);
    }

    private static List<Integer> two() throws IOException, Unavailable {
        List<Integer> allowed = allowed();
        if (allowed.size() < 2) {
            throw new Unavailable("only one processor here");
        }
        return allowed.subList(0, 2);
    }

    private static List<Integer> allowed() throws IOException {
        String list = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("Cpus_allowed_list:"))
                .findFirst()
                .orElseThrow()
                .split(":")[1]
                .strip();
        List<Integer> allowed = new ArrayList<>();
        for (String range : list.split(",")) {
            String[] ends = range.split("-");
            IntStream.rangeClosed(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]))
                    .forEach(allowed::add);
        }
        return allowed;
    }

    /** A process on processors. */
    static ProcessBuilder on(String processors, List<String> command) {
        return new ProcessBuilder(Stream.concat(Stream.of("taskset", "-c", processors), command.stream())
                .toList());
    }

    /** Starts a process through code that does not know of processors: a child inherits those of its parent. */
    interface Start<T> {
        T start() throws Exception;
    }

    /** Starts it on the server's processors. */
    <T> T server(Start<T> start) throws Exception {
        List<Integer> before = allowed();
        pin(server);
        try {
            return start.start();
        } finally {
            pin(String.join(",", before.stream().map(String::valueOf).toList()));
        }
    }

    /** Moves all threads of this process. */
    private static void pin(String processors) throws IOException, InterruptedException {
        Process taskset = new ProcessBuilder(
                        "taskset",
                        "-acp",
                        processors,
                        Long.toString(ProcessHandle.current().pid()))
                .redirectErrorStream(true)
                .start();
        String said = new String(taskset.getInputStream().readAllBytes(), UTF_8);
        if (taskset.waitFor() != 0) {
            throw new IOException(said);
        }
    }
}
