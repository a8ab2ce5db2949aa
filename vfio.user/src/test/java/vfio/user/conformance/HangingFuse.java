package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mount;
import org.junit.jupiter.api.Assumptions;
import vfio.mdev.TestPlatform;

/**
 * A file system of a client with one file of 1 MiB. Opening the file is answered; every other request, also FLUSH and
 * STATFS, is not. Requires root and {@code /dev/fuse}.
 *
 * <p>The server is a separate process, like a client's: when it exits, the kernel ends every wait for it, even that of
 * a killed process with the file open.
 */
final class HangingFuse implements AutoCloseable {
    private static final int LOOKUP = 1;
    private static final int GETATTR = 3;
    private static final int OPEN = 14;
    private static final int INIT = 26;

    private static final int ROOT = 1;
    private static final int FILE = 2;
    private static final int OUT_HEADER = 16;
    private static final long VALID_SECONDS = 1_000_000;
    private static final String MOUNTED = "mounted";

    private final Path directory;
    private final Process server;

    private HangingFuse(Path directory, Process server) {
        this.directory = directory;
        this.server = server;
    }

    static HangingFuse mount() throws IOException {
        Path directory = Files.createTempDirectory("hanging");
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                HangingFuse.class.getName(),
                directory.toString());
        Process server = new ProcessBuilder(command).redirectErrorStream(true).start();
        HangingFuse fuse = new HangingFuse(directory, server);
        String answer =
                new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8)).readLine();
        if (!MOUNTED.equals(answer)) {
            fuse.close();
            System.out.println("skipped: no file system can be mounted: " + answer);
            Assumptions.abort(answer);
        }
        return fuse;
    }

    Path file() {
        return directory.resolve("memory");
    }

    /** Ends the file system: every waiting process gets an error. */
    @Override
    public void close() throws IOException {
        server.getOutputStream().close();
        server.onExit()
                .orTimeout(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
        assertEquals(0, server.exitValue());
        Files.delete(directory);
    }

    /** Serves a file system on a directory until the input ends. */
    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[0]);
        try {
            Fd fuse = Fd.open(Path.of("/dev/fuse"), Fd.O_RDWR);
            Mount.mount(
                    "hanging",
                    directory,
                    "fuse.hanging",
                    0,
                    "fd=" + fuse.number() + ",rootmode=40755,user_id=0,group_id=0,allow_other");
            Thread.ofPlatform().daemon().start(() -> serve(fuse));
            System.out.println(MOUNTED);
            while (System.in.read() >= 0) {}
            Mount.detach(directory);
        } catch (LinuxException e) {
            System.out.println(e.getMessage());
        }
    }

    private static void serve(Fd fuse) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment request = arena.allocate(1 << 20, 8);
            while (true) {
                fuse.read(request);
                answer(fuse, arena, request);
            }
        } catch (LinuxException e) {
            // unmounted
        }
    }

    private static void answer(Fd fuse, Arena arena, MemorySegment request) throws LinuxException {
        long node = request.get(ValueLayout.JAVA_LONG, 16);
        switch (request.get(ValueLayout.JAVA_INT, 4)) {
            case INIT -> {
                MemorySegment reply = reply(arena, request, 64);
                reply.set(ValueLayout.JAVA_INT, OUT_HEADER, 7);
                reply.set(ValueLayout.JAVA_INT, OUT_HEADER + 4, 31);
                reply.set(ValueLayout.JAVA_INT, OUT_HEADER + 20, 4096);
                fuse.write(reply);
            }
            case LOOKUP -> {
                MemorySegment reply = reply(arena, request, 128);
                reply.set(ValueLayout.JAVA_LONG, OUT_HEADER, FILE);
                reply.set(ValueLayout.JAVA_LONG, OUT_HEADER + 16, VALID_SECONDS);
                reply.set(ValueLayout.JAVA_LONG, OUT_HEADER + 24, VALID_SECONDS);
                attributes(reply, OUT_HEADER + 40, FILE);
                fuse.write(reply);
            }
            case GETATTR -> {
                MemorySegment reply = reply(arena, request, 104);
                reply.set(ValueLayout.JAVA_LONG, OUT_HEADER, VALID_SECONDS);
                attributes(reply, OUT_HEADER + 16, node);
                fuse.write(reply);
            }
            case OPEN -> fuse.write(reply(arena, request, 16));
            default -> {}
        }
    }

    private static MemorySegment reply(Arena arena, MemorySegment request, int size) {
        MemorySegment reply = arena.allocate(OUT_HEADER + size, 8);
        reply.set(ValueLayout.JAVA_INT, 0, OUT_HEADER + size);
        reply.set(ValueLayout.JAVA_LONG, 8, request.get(ValueLayout.JAVA_LONG, 8));
        return reply;
    }

    private static void attributes(MemorySegment reply, long at, long node) {
        reply.set(ValueLayout.JAVA_LONG, at, node);
        reply.set(ValueLayout.JAVA_LONG, at + 8, 1 << 20);
        reply.set(ValueLayout.JAVA_INT, at + 60, node == ROOT ? 0040755 : 0100666);
        reply.set(ValueLayout.JAVA_INT, at + 64, 1);
    }
}
