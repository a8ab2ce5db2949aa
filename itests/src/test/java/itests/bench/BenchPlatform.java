package itests.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import itests.vm.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/** A platform with the benchmark's own bundle, {@code itests.bench.inside}. */
final class BenchPlatform implements AutoCloseable {
    /**
     * The run directory is on a tmpfs, like /run and $XDG_RUNTIME_DIR: ext4 would search its inodes for each socket.
     */
    static final Path TMPFS = Path.of("/dev/shm");

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Platform platform;

    private BenchPlatform(Platform platform) {
        this.platform = platform;
    }

    private static BenchPlatform start(List<String> options) throws IOException {
        return new BenchPlatform(
                Platform.start(Files.createTempDirectory(TMPFS, "mdev"), options.toArray(String[]::new)));
    }

    /** As shipped. */
    static BenchPlatform plain() throws IOException {
        return start(List.of());
    }

    /** @param modules more bundles to load */
    static BenchPlatform start(Path bundle, String... modules) throws IOException {
        List<String> all = new ArrayList<>(List.of(modules));
        all.add(bundle.toString());
        return start(List.of("--load", String.join(",", all)));
    }

    /** On the processors of a server. */
    static BenchPlatform start(Placement placement, Path bundle) throws Exception {
        return placement.server(() -> start(bundle));
    }

    /** On the processors of a server, with its tree in a directory. */
    static BenchPlatform mount(Placement placement, Path bundle, Path tree) throws Exception {
        return placement.server(() -> start(List.of("--load", bundle.toString(), "--mount", tree.toString())));
    }

    String run(String commands) throws IOException, InterruptedException {
        return platform.run(commands).ok();
    }

    /** Creates devices of the benchmark's vendor; returns their sockets. */
    List<Path> devices(int count) throws IOException, InterruptedException {
        List<String> uuids = IntStream.range(0, count)
                .mapToObj(i -> new UUID(0xde, i).toString())
                .toList();
        run(uuids.stream().map(uuid -> "mdev:create bench0 bench-card " + uuid).collect(Collectors.joining("; ")));
        return uuids.stream().map(platform::socket).toList();
    }

    /** Runs a command of the benchmark's bundle. */
    JsonNode ask(String command) throws IOException, InterruptedException {
        return JSON.readTree(run(command + " --json"));
    }

    static List<Double> list(JsonNode answer, String name) {
        return StreamSupport.stream(answer.get(name).spliterator(), false)
                .map(JsonNode::asDouble)
                .toList();
    }

    static Rounds rounds(JsonNode answer, String ours, String beside) {
        return new Rounds(list(answer, ours), list(answer, beside));
    }

    Platform platform() {
        return platform;
    }

    @Override
    public void close() throws IOException {
        platform.close();
    }
}
