package itests;

import static itests.GpuClient.BUFFER;
import static itests.GpuClient.NUMBER;
import static itests.GpuClient.RING_DONE;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import javax.inject.Inject;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.CommandSession;
import org.junit.Test;
import org.junit.function.ThrowingRunnable;
import org.osgi.framework.Bundle;

/**
 * Users that close, reset or lose a vGPU while the engine works for them: their work ends, and other users are not
 * affected.
 */
public class GpuLifetimeIT extends GpuTestSupport {
    private static final String MEMORY_FREE = "/sys/devices/virtual/gpu-sim/gpu0/gpu/memory_free";

    /** As many as fit into a ring: work for at least many seconds. */
    private static final int FLOOD = GpuClient.SLOTS - 8;

    private static final GpuCommand DOWNLOAD_ALL = GpuCommand.download(WIDTH, HEIGHT, WIDTH, 0, BUFFER, WIDTH);

    @Inject
    private CommandProcessor gogo;

    private long busyNanos(String name) throws ErrnoException {
        return Long.parseLong(
                tree.read(Tree.DEVICES + "/" + name + "/engine/busy_ns").strip());
    }

    private long memoryFree() throws ErrnoException {
        return Long.parseLong(tree.read(MEMORY_FREE).strip());
    }

    /** Meanwhile the engine does nothing for the first vGPU. */
    private void assertEngineWorksOnlyFor(GpuClient other) throws Exception {
        assertWorks(other, 1);
        long had = busyNanos(uuid);
        other.submit(fillAll(ONE), MULTIPLY, GpuCommand.fence(2));
        other.awaitFence(2);
        assertEquals("the engine does nothing for it", had, busyNanos(uuid));
    }

    private void shell(String line) throws Exception {
        try (PrintStream out = new PrintStream(new ByteArrayOutputStream());
                CommandSession session = gogo.createSession(InputStream.nullInputStream(), out, out)) {
            session.execute(line);
        }
    }

    @Test
    public void resetEndsTheRunningCommand() throws Exception {
        try (GpuClient client = open(uuid);
                GpuClient other = open(otherUuid)) {
            client.enable();
            client.write(GpuClient.INTERRUPT_ENABLE, 1 << GpuClient.VBLANK);
            client.submit(fillAll(ONE), GpuCommand.fill(0, SIDE, SIDE, SIDE, PRODUCT), GpuCommand.fence(3));
            client.awaitFence(3);
            Wait.until("frames end", () -> client.read(GpuClient.VBLANK_COUNT) > 0);
            client.submit(Collections.nCopies(FLOOD, MULTIPLY));
            Wait.until("the product begins", () -> client.frameBuffer().get(NUMBER, PRODUCT) != 0);
            assertTrue("under way", client.is(GpuClient.BUSY));
            assertNotEquals(0, client.read(GpuClient.INTERRUPT_STATUS));
            client.reset();
            client.messages(GpuClient.VBLANK); // of earlier frames
            assertEquals("its pages are given back", 0, client.frameBufferBlocks());
            assertPowerOn(client);
            assertAll("the frame buffer that is mapped", 0, client.frameBuffer());
            assertArrayEquals("and that is read", zeroes(), client.readFrameBuffer());

            // If the product were still being computed, it would now appear: its factors have been restored.
            client.frameBuffer().asSlice(LEFT).fill((byte) 1);
            assertEngineWorksOnlyFor(other);
            assertPowerOn(client);
            assertAll("the product", 0, client.frameBuffer().asSlice(PRODUCT, LEFT));
            assertEquals("frames after it", 0, client.messages(GpuClient.VBLANK));
            assertWorks(client, 4);
        }
    }

    @Test
    public void resetWaitsForTheRunningAccess() throws Exception {
        try (GpuClient client = open(uuid)) {
            endWhileInside(client, client::reset);
            assertPowerOn(client);
            assertAll("the frame buffer", 0, client.frameBuffer());
            assertWorks(client, 2);
        }
    }

    @Test
    public void closeWaitsForTheRunningAccess() throws Exception {
        try (GpuClient last = open(uuid)) {
            endWhileInside(last, last::close);
            try (GpuClient next = open(uuid)) {
                assertPowerOn(next);
                assertAll("the frame buffer", 0, next.frameBuffer());
                assertWorks(next, 2);
            }
        }
    }

    @FunctionalInterface
    private interface Ending {
        void run() throws Exception;
    }

    /** Ends a client's work while the engine is inside an access to its memory. */
    private static void endWhileInside(GpuClient client, Ending end) throws Exception {
        HeldMemory held = new HeldMemory();
        client.map(0, FRAME_BUFFER, held);
        client.enable();
        client.submit(GpuCommand.upload(WIDTH, 1, WIDTH, 0, 0, WIDTH));
        Wait.until("the engine reads it", held::inside);
        FutureTask<Boolean> ended = new FutureTask<>(() -> {
            end.run();
            return !held.inside();
        });
        Thread ender = Thread.ofPlatform().start(ended);
        // An end that does not wait would return while the engine is still inside, and the engine would then write to
        // cleared memory.
        Wait.until("it waits", () -> ended.isDone() || ender.getState() == Thread.State.TIMED_WAITING);
        held.let();
        assertTrue("no call is inside then", ended.get(Patience.TIME.toSeconds(), TimeUnit.SECONDS));
    }

    @Test
    public void nextUserFindsNothingOfThePreviousOne() throws Exception {
        GpuClient last = open(uuid);
        try (last;
                GpuClient other = open(otherUuid)) {
            last.enable();
            last.submit(fillAll(0x11111111), GpuCommand.fence(3));
            last.awaitFence(3);
            last.submit(Collections.nCopies(FLOOD, DOWNLOAD_ALL));
            Wait.until("it is written", () -> last.buffer().get(NUMBER, 0) != 0);
            assertTrue("under way", last.is(GpuClient.BUSY));
            last.close();
            last.buffer().fill((byte) 0x55);
            last.frameBuffer().fill((byte) 0x66);

            try (GpuClient next = open(uuid)) {
                assertPowerOn(next);
                assertAll("the frame buffer that is mapped", 0, next.frameBuffer());
                assertArrayEquals("and that is read", zeroes(), next.readFrameBuffer());
                assertEngineWorksOnlyFor(other);
                assertPowerOn(next);
                assertEquals(0, next.messages(RING_DONE));
                assertWorks(next, 4);
            }
            assertAll("the last one's memory", 0x55, last.buffer());
            assertAll("and its mapping", 0x66, last.frameBuffer());
        }
    }

    @Test
    public void removalInUseThenUnloadLeavesOtherDevicesAlone() throws Exception {
        try (GpuClient client = open(uuid);
                GpuClient other = open(otherUuid)) {
            CountDownLatch asked = new CountDownLatch(1);
            client.device.onRequest(asked::countDown); // and the client does not close the device
            client.enable();
            client.submit(fillAll(0x11111111));
            client.submit(Collections.nCopies(FLOOD, DOWNLOAD_ALL));
            Wait.until("it is written", () -> client.buffer().get(NUMBER, 0) != 0);
            other.enable();
            other.submit(fillAll(ONE), MULTIPLY, GpuCommand.fence(6));
            final long free = memoryFree();
            assertTrue("under way", client.is(GpuClient.BUSY));
            CompletableFuture.runAsync(() -> remove(uuid)).get(Patience.TIME.toSeconds(), TimeUnit.SECONDS);
            assertEquals("the user was asked", 0, asked.getCount());
            client.buffer().fill((byte) 0x55);
            assertErrno(Errno.ENODEV, () -> client.read(GpuClient.STATUS));
            assertErrno(Errno.ENODEV, client::reset);
            assertFalse(tree.names(Tree.DEVICES).contains(uuid));
            assertEquals("its memory is back", free + FRAME_BUFFER, memoryFree());

            other.awaitFence(6);
            other.awaitMessage(RING_DONE);
            assertEquals(SIDE, Float.intBitsToFloat(other.frameBuffer().get(NUMBER, PRODUCT)), 0);
            assertWorks(other, 7);
            assertAll("the memory of the former user", 0x55, client.buffer());

            other.submit(fillAll(0x22222222));
            other.submit(Collections.nCopies(FLOOD, DOWNLOAD_ALL));
            Wait.until("it is written", () -> other.buffer().get(NUMBER, FRAME_BUFFER - 4) == 0x22222222);
            assertTrue("under way", other.is(GpuClient.BUSY));
            assertTrue(gpuRuns());
            shell("mdev:rmmod -f " + MODULE);
            assertErrno(Errno.ENODEV, () -> other.read(GpuClient.STATUS));
            other.buffer().fill((byte) 0x77);
            Wait.until("its threads have ended", () -> !gpuRuns());
            assertAll("the memory of the former user", 0x77, other.buffer());
            assertEquals(Bundle.UNINSTALLED, gpu.getState());
        }
    }

    private void remove(String name) {
        try {
            tree.remove(name);
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    private static void assertErrno(Errno expected, ThrowingRunnable call) {
        assertEquals(expected, assertThrows(ErrnoException.class, call).errno());
    }
}
