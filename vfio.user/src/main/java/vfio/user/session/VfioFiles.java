package vfio.user.session;

import java.util.Arrays;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;

/** The VFIO files that a client holds open through its connection, like a VMM's files of {@code /dev/vfio}. */
final class VfioFiles implements AutoCloseable {
    /**
     * QEMU's limit ({@code VFIO_USER_MAX_REGIONS}); further regions of a vendor are not served.
     */
    private static final int MAX_REGIONS = 100;

    private static final RegionInfo NONE = new RegionInfo(0, 0, 0);

    private final VfioContainer container;
    private final VfioGroup group;
    private final VfioDevice device;
    private final DeviceInfo info;
    private final RegionInfo[] regions;

    private VfioFiles(VfioContainer container, VfioGroup group, VfioDevice device) throws ErrnoException {
        this.container = container;
        this.group = group;
        this.device = device;
        if (!(device.ioctl(new GetInfo()) instanceof DeviceInfo answer)) {
            throw new ErrnoException(Errno.EIO, "the device returned no device info");
        }
        this.info = new DeviceInfo(
                answer.flags(), Math.clamp(answer.numRegions(), 0, MAX_REGIONS), Math.max(0, answer.numIrqs()));
        this.regions = new RegionInfo[info.numRegions()];
        Arrays.setAll(regions, this::ask);
    }

    /**
     * @throws ErrnoException EBUSY: the device has another user; ENOENT, ENODEV: it is being removed; otherwise the
     *     vendor's errno
     */
    static VfioFiles open(Vfio vfio, int number, String name, String holder) throws ErrnoException {
        VfioGroup group = vfio.openGroup(number, holder);
        VfioContainer container = vfio.openContainer();
        VfioDevice device = null;
        try {
            group.setContainer(container);
            container.setIommu(VfioContainer.TYPE1V2_IOMMU);
            device = group.getDevice(name);
            return new VfioFiles(container, group, device); // closed in Connection
        } catch (ErrnoException | RuntimeException | Error e) {
            if (device != null) {
                device.close();
            }
            group.close();
            container.close();
            throw e;
        }
    }

    private RegionInfo ask(int index) {
        try {
            return device.ioctl(new GetRegionInfo(index)) instanceof RegionInfo region ? region : NONE;
        } catch (ErrnoException e) {
            return NONE; // an index that the device does not have
        }
    }

    DeviceInfo info() {
        return info;
    }

    VfioDevice device() {
        return device;
    }

    /** An ioctl on the container. */
    IoctlReply memory(IoctlRequest request) throws ErrnoException {
        return container.ioctl(request);
    }

    /**
     * A region; one of size 0 if the device has an index but no such region.
     *
     * @throws ErrnoException EINVAL: an index beyond the last
     */
    RegionInfo region(int index) throws ErrnoException {
        if (index < 0 || index >= regions.length) {
            throw new ErrnoException(
                    Errno.EINVAL, "region " + Integer.toUnsignedString(index) + " of " + regions.length);
        }
        return regions[index];
    }

    /** Closes the device first, so that it is released while its memory is still mapped. */
    @Override
    public void close() {
        device.close();
        group.close();
        container.close();
    }
}
