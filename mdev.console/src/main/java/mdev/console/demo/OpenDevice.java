package mdev.console.demo;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsLink;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioPci;

/** A device opened as the VFIO documentation says: container, group, IOMMU, device. For one thread. Little-endian, as PCI is. */
final class OpenDevice implements AutoCloseable {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment word = arena.allocate(Integer.BYTES);
    private final VfioContainer container;
    private final VfioGroup group;
    private final VfioDevice device;

    /** Pairs with {@link #close}. */
    OpenDevice(Vfio vfio, Sysfs sysfs, String uuid) throws ErrnoException {
        container = vfio.openContainer();
        try {
            group = vfio.openGroup(groupOf(sysfs, uuid), "mdev:demo");
        } catch (ErrnoException e) {
            container.close();
            throw e;
        }
        try {
            group.setContainer(container);
            container.setIommu(VfioContainer.TYPE1_IOMMU);
            device = group.getDevice(uuid);
        } catch (ErrnoException e) {
            group.close();
            container.close();
            throw e;
        }
    }

    private static int groupOf(Sysfs sysfs, String uuid) throws ErrnoException {
        String path = "/sys/bus/mdev/devices/" + uuid + "/iommu_group";
        if (sysfs.lookup(path, false) instanceof SysfsLink link) {
            return Integer.parseInt(link.target().substring(link.target().lastIndexOf('/') + 1));
        }
        throw new ErrnoException(Errno.EINVAL, path + " is no link");
    }

    VfioDevice device() {
        return device;
    }

    void ioctl(IoctlRequest request) throws ErrnoException {
        device.ioctl(request);
    }

    /** A region's size in bytes. */
    long size(int region) throws ErrnoException {
        return ((RegionInfo) device.ioctl(new GetRegionInfo(region))).size();
    }

    int read8(int region, long offset) throws ErrnoException {
        device.read(region, offset, word, 0, 1);
        return word.get(ValueLayout.JAVA_BYTE, 0) & 0xff;
    }

    void write8(int region, long offset, int value) throws ErrnoException {
        word.set(ValueLayout.JAVA_BYTE, 0, (byte) value);
        device.write(region, offset, word, 0, 1);
    }

    void write16(int region, long offset, int value) throws ErrnoException {
        word.set(SHORT, 0, (short) value);
        device.write(region, offset, word, 0, 2);
    }

    void write32(int region, long offset, int value) throws ErrnoException {
        word.set(INT, 0, value);
        device.write(region, offset, word, 0, 4);
    }

    /** The first bytes of the configuration space. */
    byte[] config(int length) throws ErrnoException {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) read8(VfioPci.CONFIG_REGION, i);
        }
        return bytes;
    }

    @Override
    public void close() {
        device.close();
        group.close();
        container.close();
        arena.close();
    }
}
