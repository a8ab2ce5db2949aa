package itests;

import static itests.GpuClient.BUFFER;
import static itests.GpuClient.NUMBER;
import static itests.GpuClient.RING_DONE;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.UUID;
import javax.inject.Inject;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.Vfio;
import org.junit.After;
import org.junit.Before;
import org.osgi.framework.Bundle;

/** Two vGPUs of {@code gpu0}, and assertions for the tests of its engine. */
public abstract class GpuTestSupport extends PlatformTestSupport {
    static final String MODULE = "vendor.gpu-sim";
    static final int FRAME_BUFFER = 8 << 20;

    /** The whole frame buffer as one surface. */
    static final int WIDTH = 2048;

    static final int HEIGHT = FRAME_BUFFER / WIDTH / GpuCommand.PIXEL;

    /** Square matrices in the frame buffer; their product takes a second, a full ring of products takes hours. */
    static final int SIDE = 700;

    static final int PRODUCT = 0;
    static final int LEFT = 2 << 20;
    static final int RIGHT = 4 << 20;
    static final int ONE = Float.floatToIntBits(1);
    static final GpuCommand MULTIPLY = GpuCommand.matrix(SIDE, PRODUCT, LEFT, RIGHT);

    @Inject
    private Sysfs sysfs;

    @Inject
    private Vfio vfio;

    final String uuid = UUID.randomUUID().toString();
    final String otherUuid = UUID.randomUUID().toString();
    Tree tree;
    Bundle gpu;

    @Before
    public void before() throws Exception {
        gpu = startModule(MODULE);
        tree = new Tree(sysfs);
        tree.create("gpu0", "gpu-sim-8m", uuid);
        tree.create("gpu0", "gpu-sim-8m", otherUuid);
    }

    @After
    public void after() throws Exception {
        if (gpu.getState() != Bundle.UNINSTALLED) {
            gpu.uninstall();
        }
        Wait.until("no thread of the GPU is left", () -> !gpuRuns());
    }

    GpuClient open(String name) throws Exception {
        return new GpuClient(vfio, tree.group(name), name);
    }

    static GpuCommand fillAll(int colour) {
        return GpuCommand.fill(colour, WIDTH, HEIGHT, WIDTH, 0);
    }

    static byte[] zeroes() {
        return new byte[FRAME_BUFFER];
    }

    static void assertContent(String what, byte[] expected, MemorySegment actual) {
        assertEquals(what + ": the first byte that differs", -1, actual.mismatch(MemorySegment.ofArray(expected)));
    }

    static void assertAll(String what, int each, MemorySegment actual) {
        byte[] expected = new byte[(int) actual.byteSize()];
        Arrays.fill(expected, (byte) each);
        assertContent(what, expected, actual);
    }

    /** Copies a surface there and back, with a fence: asserts that the engine works correctly for a client. */
    static void assertWorks(GpuClient client, int fence) throws Exception {
        client.enable();
        client.buffer().fill((byte) fence);
        client.submit(
                GpuCommand.upload(WIDTH, 2, WIDTH, 0, BUFFER, WIDTH),
                GpuCommand.fill(~fence, WIDTH, 1, WIDTH, 0),
                GpuCommand.download(WIDTH, 2, WIDTH, 0, BUFFER, WIDTH),
                GpuCommand.fence(fence));
        client.awaitFence(fence);
        client.awaitMessage(RING_DONE);
        assertEquals(~fence, client.buffer().get(NUMBER, 0));
        int uploaded = fence * 0x01010101;
        assertEquals(uploaded, client.buffer().get(NUMBER, (long) WIDTH * GpuCommand.PIXEL));
        assertFalse(client.is(GpuClient.FAULTED));
    }

    /** The engine's registers in the data sheet's power-on state. */
    static void assertPowerOn(GpuClient client) throws ErrnoException {
        Map<Integer, Integer> fixed = Map.of(
                GpuClient.ID, 0x4d495347,
                GpuClient.VERSION, 1,
                GpuClient.MEMORY_SIZE, FRAME_BUFFER);
        for (int register = 0; register <= GpuClient.VBLANK_COUNT; register += 4) {
            assertEquals(
                    "register 0x%x".formatted(register), (int) fixed.getOrDefault(register, 0), client.read(register));
        }
    }

    /** Whether a thread of a GPU is running. */
    static boolean gpuRuns() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().startsWith("gpu"));
    }
}
