package vendor.gpusim.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import javax.imageio.ImageIO;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import vendor.gpusim.engine.Engine;
import vendor.gpusim.shell.GpuCommands;

/** The commands {@code gpu:*} as typed by a person, on a vGPU in use. */
@Timeout(300)
class GpuCommandsTest {
    private static final int MEMORY = 8 << 20;
    private static final int SIDE = 64;
    private static final int BLOCK = SIDE / 4;

    private final MemorySegment frameBuffer = MemorySegment.ofArray(new byte[MEMORY]);
    private final Engine engine = new Engine("gpu0");
    private final Vgpu vgpu = new Vgpu(new UUID(0, 1), new VgpuType(MEMORY, 1280, 800), engine, 1);
    private final Vgpus vgpus = new Vgpus();
    private final ByteArrayOutputStream shown = new ByteArrayOutputStream();

    @TempDir
    Path directory;

    private record Invocation(List<String> arguments, PrintStream out, Path directory) implements ShellInvocation {
        @Override
        public Output run(String line) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean flag(String name) {
            return false;
        }

        @Override
        public InputStream in() {
            return InputStream.nullInputStream();
        }

        @Override
        public PrintStream err() {
            return out;
        }

        @Override
        public RawTerminal rawTerminal() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Size size() {
            return new Size(4, 3);
        }
    }

    @BeforeEach
    void open() throws ErrnoException {
        vgpus.add(vgpu);
        vgpu.open(new UserContext(frameBuffer));
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private ShellResult run(String name, String... arguments) throws ErrnoException, InterruptedException {
        return new GpuCommands(vgpus)
                .commands().stream()
                        .filter(command -> command.name().equals(name))
                        .findFirst()
                        .orElseThrow()
                        .action()
                        .run(new Invocation(
                                List.of(arguments), new PrintStream(shown, true, StandardCharsets.UTF_8), directory));
    }

    /** 64 x 64 pixels of 32 bits. */
    private void turnOn() throws ErrnoException {
        for (int[] register : new int[][] {{1, SIDE}, {2, SIDE}, {3, 32}, {4, 0x41}}) {
            byte[] value = ByteBuffer.allocate(2)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putShort((short) register[1])
                    .array();
            vgpu.write(2, 0x500 + 2L * register[0], MemorySegment.ofArray(value), 0, value.length);
        }
    }

    /** The block that is scaled to one pixel in a terminal of four columns. */
    private void block(int x, int y, int rgb) {
        for (int row = y * BLOCK; row < (y + 1) * BLOCK; row++) {
            for (int column = x * BLOCK; column < (x + 1) * BLOCK; column++) {
                frameBuffer.set(ValueLayout.JAVA_INT_UNALIGNED, 4L * (row * SIDE + column), rgb);
            }
        }
    }

    private void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not in time: " + what + "; shown: " + shown);
            }
            Thread.onSpinWait();
        }
    }

    private void awaitColour(int red, int green, int blue) {
        String colour = "8;2;" + red + ";" + green + ";" + blue;
        await(colour, () -> shown.toString(StandardCharsets.UTF_8).contains(colour));
    }

    @Test
    void watchRedrawsAChangedScreenAndEndsWithItsUser() throws Exception {
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Future<ShellResult> watch =
                    thread.submit(() -> run("watch", vgpu.uuid().toString()));
            await("that it is off", () -> shown.toString(StandardCharsets.UTF_8).contains("The display is off."));
            block(0, 0, 0x0a141e);
            turnOn();
            awaitColour(10, 20, 30);
            block(3, 3, 0x28323c);
            awaitColour(40, 50, 60);
            assertFalse(watch.isDone());
            vgpu.release();
            assertEquals(ShellResult.DONE, watch.get());
        }
    }

    @Test
    void interruptEndsWatch() throws Exception {
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Future<Boolean> watch = thread.submit(() -> {
                assertThrows(
                        InterruptedException.class,
                        () -> run("watch", vgpu.uuid().toString()));
                return true;
            });
            await("that it is off", () -> shown.size() > 0);
            thread.shutdownNow();
            assertEquals(true, watch.get());
        }
    }

    @Test
    void screenshotIsWrittenToTheUsersDirectory() throws Exception {
        turnOn();
        block(2, 1, 0x123456);
        assertEquals(ShellResult.DONE, run("screenshot", vgpu.uuid().toString(), "screen.png"));
        var image = ImageIO.read(directory.resolve("screen.png").toFile());
        assertEquals(SIDE, image.getWidth());
        assertEquals(0xff123456, image.getRGB(2 * BLOCK, 2 * BLOCK - 1));
    }

    @Test
    void failedScreenshotReportsTheReasonAndWritesNothing() throws Exception {
        String uuid = vgpu.uuid().toString();
        refused(Errno.ENODEV, "screenshot", uuid, "screen.png"); // off
        turnOn();
        refused(Errno.EIO, "screenshot", uuid, "no/such/directory.png");
        refused(Errno.ENODEV, "screenshot", new UUID(0, 2).toString(), "screen.png");
        refused(Errno.EINVAL, "watch", "x");
        vgpu.release();
        refused(Errno.ENODEV, "screenshot", uuid, "screen.png");
        refused(Errno.ENODEV, "watch", uuid);
        try (var files = Files.list(directory)) {
            assertEquals(List.of(), files.toList());
        }
    }

    private void refused(Errno errno, String name, String... arguments) {
        assertEquals(
                errno,
                assertThrows(ErrnoException.class, () -> run(name, arguments)).errno());
    }
}
