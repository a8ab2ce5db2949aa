package itests;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.options;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import javax.inject.Inject;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioPci;
import org.junit.Before;
import org.junit.Test;
import org.ops4j.pax.exam.Option;
import org.osgi.framework.Bundle;

/** The driver of docs/writing-a-vendor-driver.md behaves as the page describes. */
public class DriverGuideIT extends PlatformTestSupport {
    private static final String JAR = "itests.guide";
    private static final String TYPE = "/sys/class/mdev_bus/counter0/mdev_supported_types/counter-basic/";

    @Inject
    private Sysfs sysfs;

    @Inject
    private Vfio vfio;

    @Override
    protected Option[] more() {
        try {
            return options(frameworkProperty(JAR).value(DriverGuide.follow().toString()));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private Tree tree;

    @Before
    public void before() {
        tree = new Tree(sysfs);
    }

    @Test
    public void driverOfTheGuideWorks() throws Exception {
        Bundle bundle =
                context.installBundle(Path.of(context.getProperty(JAR)).toUri().toString());
        bundle.start();
        assertEquals("4\n", tree.read(TYPE + "available_instances"));
        String uuid = UUID.randomUUID().toString();
        tree.write(TYPE + "create", uuid);
        assertEquals("3\n", tree.read(TYPE + "available_instances"));
        count(uuid);

        for (int i = 0; i < 3; i++) {
            tree.write(TYPE + "create", UUID.randomUUID().toString());
        }
        ErrnoException full = assertThrows(
                ErrnoException.class,
                () -> tree.write(TYPE + "create", UUID.randomUUID().toString()));
        assertEquals(Errno.ENOSPC, full.errno());

        ring();
        bundle.uninstall();
        assertEquals(List.of(), tree.names(Tree.DEVICES));
    }

    /** The device that is not PCI. */
    private void ring() throws Exception {
        String uuid = UUID.randomUUID().toString();
        tree.write("/sys/class/mdev_bus/bell0/mdev_supported_types/bell-button/create", uuid);
        try (VfioGroup opened = vfio.openGroup(tree.group(uuid), "DriverGuideIT");
                VfioContainer container = vfio.openContainer()) {
            opened.setContainer(container);
            container.setIommu(VfioContainer.TYPE1V2_IOMMU);
            try (VfioDevice device = opened.getDevice(uuid);
                    Arena arena = Arena.ofConfined()) {
                assertEquals(new DeviceInfo(DeviceInfo.PLATFORM | DeviceInfo.RESET, 1, 1), device.ioctl(new GetInfo()));
                AtomicInteger interrupts = new AtomicInteger();
                device.ioctl(SetIrqs.arm(0, 0, interrupts::incrementAndGet));
                MemorySegment word = arena.allocate(ValueLayout.JAVA_INT);
                poke(device, word, 0, 1);
                poke(device, word, 0, 1);
                assertEquals(2, interrupts.get());
                assertEquals(2, peek(device, word, 0));
            }
        }
    }

    private void count(String uuid) throws Exception {
        try (VfioGroup opened = vfio.openGroup(tree.group(uuid), "DriverGuideIT");
                VfioContainer container = vfio.openContainer()) {
            opened.setContainer(container);
            container.setIommu(VfioContainer.TYPE1V2_IOMMU);
            try (VfioDevice device = opened.getDevice(uuid);
                    Arena arena = Arena.ofConfined()) {
                AtomicInteger interrupts = new AtomicInteger();
                device.ioctl(SetIrqs.arm(VfioPci.INTX_IRQ, 0, interrupts::incrementAndGet));
                MemorySegment word = arena.allocate(ValueLayout.JAVA_INT);
                poke(device, word, 4, 3);
                poke(device, word, 0, 2);
                assertEquals("below the limit", 0, interrupts.get());
                poke(device, word, 0, 1);
                assertEquals("at the limit", 1, interrupts.get());
                assertEquals(3, peek(device, word, 0));
                poke(device, word, 8, 1);
                assertEquals(0, peek(device, word, 0));

                device.read(VfioPci.CONFIG_REGION, 0, word, 0, 4);
                assertArrayEquals(
                        new byte[] {0x34, 0x12, (byte) 0xde, (byte) 0xc0}, word.toArray(ValueLayout.JAVA_BYTE));
            }
        }
    }

    private static void poke(VfioDevice device, MemorySegment word, long offset, int value) throws ErrnoException {
        word.set(ValueLayout.JAVA_INT, 0, value);
        device.write(VfioPci.BAR0_REGION, offset, word, 0, 4);
    }

    private static int peek(VfioDevice device, MemorySegment word, long offset) throws ErrnoException {
        device.read(VfioPci.BAR0_REGION, offset, word, 0, 4);
        return word.get(ValueLayout.JAVA_INT, 0);
    }
}
