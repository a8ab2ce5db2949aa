package itests;

import static itests.GpuClient.BUFFER;
import static itests.GpuClient.FAULT;
import static itests.GpuClient.NUMBER;
import static itests.GpuClient.RING_DONE;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.vfio.MapDma;
import org.junit.Test;

/** The engine of vendor.gpu-sim with the platform's own DMA, messages and memory. */
public class GpuEngineIT extends GpuTestSupport {
    @Test
    public void movesPixelsByDmaAndSignalsByMessages() throws Exception {
        try (GpuClient client = open(uuid)) {
            assertPowerOn(client);
            MemorySegment buffer = client.buffer();
            int lines = 5;
            int width = 100;
            int busStride = 300;
            int stride = 640;
            int offset = 4096;
            int filled = 3;
            for (int i = 0; i < lines * busStride; i++) {
                buffer.setAtIndex(NUMBER, i, i + 1);
            }
            long back = 1 << 20;
            client.enable();
            client.submit(
                    GpuCommand.upload(width, lines, stride, offset, BUFFER, busStride),
                    GpuCommand.fill(-1, width, 1, stride, offset + filled * stride * GpuCommand.PIXEL),
                    GpuCommand.download(width, lines, stride, offset, BUFFER + back, width),
                    GpuCommand.fence(7));
            client.awaitMessage(RING_DONE);
            client.awaitIdle();
            assertEquals(7, client.read(GpuClient.FENCE));
            assertEquals(4, client.read(GpuClient.HEAD));
            assertEquals(0, client.read(GpuClient.FAULT_CODE));
            assertEquals(1 << RING_DONE, client.read(GpuClient.INTERRUPT_STATUS));

            byte[] expected = zeroes();
            MemorySegment frameBuffer = MemorySegment.ofArray(expected);
            for (int y = 0; y < lines; y++) {
                for (int x = 0; x < width; x++) {
                    int pixel = y == filled ? -1 : y * busStride + x + 1;
                    frameBuffer.set(NUMBER, offset + (long) (y * stride + x) * GpuCommand.PIXEL, pixel);
                    assertEquals(pixel, buffer.get(NUMBER, back + (long) (y * width + x) * GpuCommand.PIXEL));
                }
            }
            assertContent("the frame buffer that is mapped", expected, client.frameBuffer());
            assertArrayEquals("and that is read", expected, client.readFrameBuffer());
            assertEquals("nothing beyond", 0, buffer.get(NUMBER, back + (long) lines * width * GpuCommand.PIXEL));

            client.write(GpuClient.INTERRUPT_STATUS, 1 << RING_DONE);
            assertEquals(0, client.read(GpuClient.INTERRUPT_STATUS));
            client.write(GpuClient.INTERRUPT_ENABLE, 0);
            client.submit(GpuCommand.fence(8));
            client.awaitFence(8);
            client.awaitIdle();
            assertEquals("a message that is not enabled", 0, client.messages(RING_DONE));
            assertEquals(0, client.messages(FAULT));
        }
    }

    private record Forbidden(String name, long ring, GpuCommand command) {}

    @Test
    public void accessToUnmappedOrProtectedMemoryFaults() throws Exception {
        long readable = 0x1000_0000L;
        long writable = 0x2000_0000L;
        long nowhere = 0x3000_0000L;
        long end = BUFFER + GpuClient.BUFFER_SIZE;
        int page = 4096;
        List<Forbidden> cases = List.of(
                new Forbidden("a ring nowhere", nowhere, GpuCommand.fence(1)),
                new Forbidden("a ring that cannot be read", writable, GpuCommand.fence(1)),
                new Forbidden("from nowhere", GpuClient.RING, GpuCommand.upload(8, 1, 8, 0, nowhere, 8)),
                new Forbidden("to nowhere", GpuClient.RING, GpuCommand.download(8, 1, 8, 0, nowhere, 8)),
                new Forbidden("over an end", GpuClient.RING, GpuCommand.download(1024, 2, 1024, 0, end - page, 1024)),
                new Forbidden("from what can be written", GpuClient.RING, GpuCommand.upload(8, 1, 8, 0, writable, 8)),
                new Forbidden("to what can be read", GpuClient.RING, GpuCommand.download(8, 1, 8, 0, readable, 8)));
        try (GpuClient client = open(uuid);
                GpuClient other = open(otherUuid)) {
            MemorySegment onlyRead = client.map(readable, page, MapDma.READ);
            MemorySegment onlyWritten = client.map(writable, page, MapDma.WRITE);
            client.frameBuffer().fill((byte) 1);
            onlyRead.fill((byte) 2);
            onlyWritten.fill((byte) 3);
            other.enable();
            other.submit(fillAll(ONE), MULTIPLY, GpuCommand.fence(9));
            for (Forbidden forbidden : cases) {
                client.enable(forbidden.ring());
                client.submit(forbidden.command(), GpuCommand.fence(1));
                client.awaitMessage(FAULT);
                client.awaitIdle();
                assertTrue(forbidden.name(), client.is(GpuClient.FAULTED));
                assertEquals(forbidden.name(), GpuClient.DMA, client.read(GpuClient.FAULT_CODE));
                assertEquals(forbidden.name(), 0, client.read(GpuClient.FAULT_SLOT));
                assertEquals("it stops there", 0, client.read(GpuClient.HEAD));
                assertEquals(1 << FAULT, client.read(GpuClient.INTERRUPT_STATUS));
                client.write(GpuClient.INTERRUPT_STATUS, 1 << FAULT);
            }
            assertEquals("no command after a faulty one", 0, client.read(GpuClient.FENCE));
            assertEquals(0, client.messages(RING_DONE));
            assertAll("what only can be read", 2, onlyRead);
            assertAll("what only can be written", 3, onlyWritten);
            assertAll("nothing came from it", 1, client.frameBuffer());
            assertWorks(client, 5);

            other.awaitFence(9);
            other.awaitMessage(RING_DONE);
            other.awaitIdle();
            assertEquals(0, other.read(GpuClient.FAULT_CODE));
            assertEquals(0, other.messages(FAULT));
            for (int i = 0; i < SIDE * SIDE; i++) {
                assertEquals(SIDE, Float.intBitsToFloat(other.frameBuffer().getAtIndex(NUMBER, i)), 0);
            }
        }
    }
}
