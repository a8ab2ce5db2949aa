package itests;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.util.Arrays;
import java.util.UUID;
import javax.inject.Inject;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.Vfio;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.osgi.framework.Bundle;

/** The engine of vGPUs over the real framework: DMA behind an IOMMU, MSI-X, and users who go, are reset or lose their device while it works for them. */
public class GpuEngineIT extends PlatformTestSupport {
    private static final int SIZE = 8 << 20;
    private static final String FREE = "/sys/class/mdev_bus/gpu0/gpu/memory_free";

    @Inject
    private Sysfs sysfs;

    @Inject
    private Vfio vfio;

    private final String uuid = UUID.randomUUID().toString();
    private final String other = UUID.randomUUID().toString();
    private Tree tree;
    private Bundle bundle;
    private GpuClient client;
    private GpuClient neighbour;

    @Before
    public void open() throws Exception {
        bundle = startModule("vendor.gpu-sim");
        tree = new Tree(sysfs);
        tree.create("gpu0", "gpu-sim-8m", uuid);
        tree.create("gpu0", "gpu-sim-8m", other);
        client = new GpuClient(vfio, tree, uuid);
        neighbour = new GpuClient(vfio, tree, other);
        client.enable(GpuClient.BUS);
        neighbour.enable(GpuClient.BUS);
    }

    /** Every test ends with a module that goes and leaves no thread. */
    @After
    public void close() throws Exception {
        client.close();
        neighbour.close();
        bundle.uninstall();
        Wait.until(
                "no thread of a GPU is left",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("gpu")));
    }

    @Test
    public void commandsMoveMemoryAndTellByInterrupt() throws Exception {
        for (int i = 0; i < 64; i++) {
            client.memory.set(GpuClient.NUMBER, GpuClient.BUFFER + 4L * i, i * 0x01010101);
        }
        int buffer = (int) GpuClient.BUS + GpuClient.BUFFER;
        client.submit(5, 0, 8 | 8 << 16, 64, 0x1000, 0, 0, 32, buffer, 1);
        client.submit(1 | 6 << 8, 0x00ffffff, 4 | 1 << 16, 16, 0x1000);
        client.submit(6, 0, 8 | 8 << 16, 32, buffer + 0x1000, 1, 0, 64, 0x1000);
        client.finish();
        for (int i = 0; i < 64; i++) {
            int right = i * 0x01010101 ^ (i < 4 ? 0x00ffffff : 0);
            assertEquals(right, client.memory.get(GpuClient.NUMBER, GpuClient.BUFFER + 0x1000 + 4L * i));
            assertEquals(right, client.frameBuffer(0, 0x1000 + 64L * (i / 8) + 4L * (i % 8)));
        }
        Wait.until("the interrupt", () -> client.interrupts.get(GpuClient.FENCE_DONE) == 1);
        assertEquals(1 << GpuClient.FENCE_DONE, client.read(GpuClient.INTERRUPT_STATUS));
        assertEquals("nobody else's", 0, neighbour.interrupts.get(GpuClient.FENCE_DONE));
    }

    @Test
    public void memoryThatIsNotMappedOrForbiddenIsAFaultOfItsOwnVgpu() throws Exception {
        int readOnly = (int) (GpuClient.READ_ONLY >>> 32);
        int[][] wrong = {
            {5, 0, 1 | 1 << 16, 4, 0, 0, 0, 4, 0, 0x7fff}, // nothing is there
            {6, 0, 1 | 1 << 16, 4, 0, readOnly, 0, 4, 0}, // it may be read only
            {5, 0, 2 | 1 << 16, 8, 0, 0, 0, 8, 4092, readOnly}, // across its end
        };
        int faults = 0;
        for (int[] command : wrong) {
            client.enable(GpuClient.BUS);
            client.submit(command);
            assertEquals(Arrays.toString(command), 4, client.awaitFault());
            int told = ++faults;
            Wait.until("the interrupt", () -> client.interrupts.get(GpuClient.FAULT) == told);
            neighbour.finish();
        }
        client.enable(GpuClient.READ_ONLY + 4096);
        client.submit(0);
        assertEquals("the ring itself", 4, client.awaitFault());
        client.enable(GpuClient.BUS);
        client.submit(5, 0, 1 | 1 << 16, 4, 0, 0, 0, 4, 0, readOnly);
        client.finish();
        neighbour.finish();
        assertEquals(0, neighbour.read(GpuClient.FAULT_CODE));
    }

    @Test
    public void aResetEndsWhatIsUnderWay() throws Exception {
        client.submit(1 | 15 << 8, 0, 1024 | 1024 << 16, 4096, 0);
        client.submitLong();
        neighbour.finish();
        assertEquals(GpuClient.BUSY, client.read(GpuClient.STATUS));
        client.reset();
        assertEquals(0, client.read(GpuClient.STATUS));
        neighbour.finish();
        assertEquals(0, client.read(GpuClient.FENCE) | client.read(GpuClient.INTERRUPT_STATUS));
        assertArrayEquals(new byte[SIZE], client.frameBuffer(SIZE));
        client.enable(GpuClient.BUS);
        client.finish();
    }

    @Test
    public void theNextUserFindsNothingOfTheOneBefore() throws Exception {
        client.submit(1 | 15 << 8, 0, 1024 | 1024 << 16, 4096, 0);
        client.submitLong();
        neighbour.finish();
        assertEquals(GpuClient.BUSY, client.read(GpuClient.STATUS));
        client.reopen(uuid);
        assertEquals(0, client.read(GpuClient.STATUS));
        neighbour.finish();
        assertArrayEquals(new byte[SIZE], client.frameBuffer(SIZE));
        assertEquals(0, client.interrupts.get(GpuClient.FENCE_DONE));
        client.enable(GpuClient.BUS);
        client.finish();
    }

    @Test
    public void aRemovalEndsWhatIsUnderWay() throws Exception {
        client.submitLong();
        assertEquals(((256 - 16) << 20) + "\n", tree.read(FREE));
        tree.remove(uuid);
        assertEquals(((256 - 8) << 20) + "\n", tree.read(FREE));
        assertEquals(
                Errno.ENODEV,
                assertThrows(ErrnoException.class, () -> client.read(GpuClient.STATUS))
                        .errno());
        neighbour.finish();
        assertTrue(neighbour.interrupts.get(GpuClient.FENCE_DONE) > 0);
    }

    @Test
    public void aModuleGoesWhileItsEngineWorks() throws Exception {
        client.submitLong();
        neighbour.submitLong();
        bundle.stop();
        assertEquals(
                Errno.ENODEV,
                assertThrows(ErrnoException.class, () -> client.read(GpuClient.STATUS))
                        .errno());
    }
}
