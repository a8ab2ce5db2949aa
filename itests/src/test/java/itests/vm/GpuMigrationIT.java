package itests.vm;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import itests.Patience;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.MemFd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A vGPU moves to and fro between two platforms while its engine works; the test is hypervisor and guest. The guest's
 * memory, with the ring, is a file that both platforms map.
 */
final class GpuMigrationIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2101";
    private static final int MOVES = 4;

    private static final int CONFIG = 7;
    private static final int FRAME_BUFFER = 0;
    private static final int DISPLAY = 2;
    private static final int ENGINE = 4;
    private static final int MSIX = 2;
    private static final int P2P = 2;

    /** bochs-display's words; a word of ENABLE: on, with a linear frame buffer. */
    private static final int XRES = 0x502;

    private static final int YRES = 0x504;
    private static final int BPP = 0x506;
    private static final int ENABLE = 0x508;
    private static final int WIDTH = 640;
    private static final int HEIGHT = 480;

    private static final int RING_BASE_HIGH = 0x14;
    private static final int RING_SLOTS = 0x18;
    private static final int CONTROL = 0x1c;
    private static final int HEAD = 0x20;
    private static final int TAIL = 0x24;
    private static final int FENCE = 0x28;
    private static final int STATUS = 0x2c;
    private static final int FAULT_CODE = 0x30;
    private static final int INTERRUPT_ENABLE = 0x44;
    private static final int BUSY = 1;

    private static final long RING = 1L << 32;
    private static final int SLOT = 64;
    private static final int SLOTS = 64;

    /** Matrices behind the screen: their product takes some tenths of a second. */
    private static final int SIDE = 500;

    private static final int PRODUCT = 2 << 20;
    private static final int LEFT = 4 << 20;
    private static final int RIGHT = 6 << 20;

    private static final ValueLayout.OfInt NUMBER = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    @TempDir
    Path temp;

    private final byte[] screen = new byte[WIDTH * HEIGHT * Integer.BYTES];

    /** The next slot, and the fences submitted so far and reported. */
    private int tail;

    private int submitted;
    private long reported;

    /** A user of the vGPU on one of the platforms. */
    private record User(Platform platform, WireClient client, EventFd done) implements AutoCloseable {
        static User of(Platform platform, Fd memory) throws LinuxException {
            var client = WireClient.connect(platform.socket(UUID));
            var done = EventFd.create();
            client.map(memory, RING, SLOTS * SLOT);
            client.listen(done.fd(), MSIX, 0);
            return new User(platform, client, done);
        }

        @Override
        public void close() {
            client.close();
            done.close();
        }
    }

    @Test
    void vgpuMovesWithItsPictureAndTheCommandsInItsRing() throws Exception {
        try (var one = Platform.start("--load", "vendor.gpu-sim");
                var two = Platform.start("--load", "vendor.gpu-sim");
                var memory = MemFd.create("guest", SLOTS * SLOT);
                var arena = Arena.ofConfined()) {
            one.create("gpu0", "gpu-sim-8m", UUID);
            two.create("gpu0", "gpu-sim-8m", UUID);
            var ring =
                    Mapping.map(memory, 0, SLOTS * SLOT, Mapping.Protection.READ_WRITE, Mapping.Sharing.SHARED, arena);
            User user = User.of(one, memory);
            try {
                setUp(user.client);
                byte[] picture = screenshot(one);
                for (int move = 0; move < MOVES; move++) {
                    submit(user.client, ring, multiply(), fence(), multiply(), fence());
                    awaitFence(user);
                    User next = User.of(user.platform == one ? two : one, memory);
                    try {
                        move(user, next, ring, picture);
                    } catch (Exception | AssertionError e) {
                        next.close();
                        throw e;
                    }
                    user.close();
                    user = next;
                }
                WireClient last = user.client;
                Deadline.await(Patience.TIME, "the engine is idle", () -> (engine(last, STATUS) & BUSY) == 0);
                assertEquals(0, engine(last, FAULT_CODE));
                assertEquals(submitted, engine(last, FENCE));
                assertEquals(submitted, reported + user.done.read(), "each fence once");
                assertProduct(last);
                assertArrayEquals(screen, readScreen(last));
            } finally {
                user.close();
            }
            assertEquals("", one.errors() + two.errors());
            assertEquals(List.of(), one.stop());
            assertEquals(List.of(), two.stop());
        }
    }

    /** What a guest's drivers do: a mode and its picture, factors of ones, and the ring with its interrupt. */
    private void setUp(WireClient client) throws LinuxException {
        client.write(CONFIG, 4, 6); // memory, bus master
        client.write(CONFIG, 0x43, 0x80); // MSI-X
        client.write(DISPLAY, XRES, new byte[] {(byte) WIDTH, (byte) (WIDTH >> 8)});
        client.write(DISPLAY, YRES, new byte[] {(byte) HEIGHT, (byte) (HEIGHT >> 8)});
        client.write(DISPLAY, BPP, new byte[] {32, 0});
        client.write(DISPLAY, ENABLE, new byte[] {0x41, 0});
        new Random(15).nextBytes(screen);
        for (int line = 0; line < HEIGHT; line++) {
            int stride = WIDTH * Integer.BYTES;
            client.write(
                    FRAME_BUFFER,
                    line * stride,
                    ByteBuffer.allocate(stride)
                            .put(screen, line * stride, stride)
                            .array());
        }
        byte[] ones = new byte[SIDE * SIDE * Float.BYTES];
        for (int i = 0; i < SIDE * SIDE; i++) {
            MemorySegment.ofArray(ones).set(NUMBER, (long) i * Float.BYTES, Float.floatToIntBits(1));
        }
        client.write(FRAME_BUFFER, LEFT, ones);
        client.write(FRAME_BUFFER, RIGHT, ones);
        client.writeWord(ENGINE, RING_BASE_HIGH, (int) (RING >>> 32));
        client.writeWord(ENGINE, RING_SLOTS, SLOTS);
        client.writeWord(ENGINE, INTERRUPT_ENABLE, 1);
        client.writeWord(ENGINE, CONTROL, 1);
    }

    private static int[] multiply() {
        return new int[] {0x407, 0, SIDE, SIDE, PRODUCT, 0, SIDE, 0, LEFT, 0, RIGHT};
    }

    private int[] fence() {
        return new int[] {8, ++submitted};
    }

    private void submit(WireClient client, MemorySegment ring, int[]... commands) throws LinuxException {
        for (int[] command : commands) {
            MemorySegment slot = ring.asSlice((long) tail * SLOT, SLOT).fill((byte) 0);
            MemorySegment.copy(MemorySegment.ofArray(command), 0, slot, 0, (long) command.length * Integer.BYTES);
            tail = (tail + 1) % SLOTS;
        }
        client.writeWord(ENGINE, TAIL, tail);
    }

    private void awaitFence(User user) throws LinuxException {
        user.done.await(Patience.TIME);
        long fences = user.done.read();
        assertNotEquals(0, fences, "a fence in time");
        reported += fences;
    }

    /** From RUNNING_P2P to its end on the destination the engine takes no command, also after an update. */
    private void move(User from, User to, MemorySegment ring, byte[] picture) throws Exception {
        assertEquals(P2P, from.client.flags() & P2P);
        from.client.set(WireClient.RUNNING_P2P);
        submit(from.client, ring, multiply(), fence());
        int head = engine(from.client, HEAD);
        int fence = engine(from.client, FENCE);
        Deadline.await(Patience.TIME, "the interrupts so far", () -> (reported += from.done.read()) == fence);
        assertNotEquals(tail, head, "commands wait");
        from.platform.run("mdev:update vendor.gpu-sim").ok();
        assertEquals(WireClient.RUNNING_P2P, from.client.state());
        assertEquals(head, engine(from.client, HEAD));
        from.client.set(WireClient.STOP_COPY);
        byte[] stream = from.client.readStream();

        to.client.set(WireClient.RESUMING);
        assertEquals(0, to.client.tryWriteStream(stream));
        to.client.set(WireClient.RUNNING_P2P);
        assertArrayEquals(screen, readScreen(to.client));
        assertArrayEquals(picture, screenshot(to.platform), "the screenshot");
        assertEquals(head, engine(to.client, HEAD));
        assertEquals(tail, engine(to.client, TAIL));
        assertEquals(fence, engine(to.client, FENCE));
        assertEquals(BUSY, engine(to.client, STATUS));
        assertEquals(0, to.done.read(), "a fence of a quiescent vGPU");
        assertEquals(0, from.done.read(), "a fence of a stopped vGPU");
        to.client.set(WireClient.RUNNING);
    }

    private static int engine(WireClient client, int register) {
        try {
            return client.readWord(ENGINE, register);
        } catch (LinuxException e) {
            throw new AssertionError(e);
        }
    }

    private byte[] readScreen(WireClient client) throws LinuxException {
        ByteBuffer read = ByteBuffer.allocate(screen.length);
        for (int at = 0; read.hasRemaining(); at = read.position()) {
            read.put(client.read(FRAME_BUFFER, at, Math.min(1 << 19, read.remaining())));
        }
        return read.array();
    }

    private static void assertProduct(WireClient client) throws LinuxException {
        var product = MemorySegment.ofArray(client.read(FRAME_BUFFER, PRODUCT, SIDE * SIDE * Float.BYTES));
        for (int i = 0; i < SIDE * SIDE; i++) {
            assertEquals(SIDE, Float.intBitsToFloat(product.get(NUMBER, (long) i * Float.BYTES)), 0);
        }
    }

    private byte[] screenshot(Platform platform) throws IOException, InterruptedException {
        Path file = temp.resolve("picture.png");
        platform.run("gpu:screenshot " + UUID + " " + file).ok();
        return Files.readAllBytes(file);
    }
}
