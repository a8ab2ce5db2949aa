package vfio.mdev;

import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;

/** A device with all files that a VFIO user opens to use it: container, group, type1 IOMMU of version 2. */
public record OpenedDevice(VfioContainer container, VfioGroup group, VfioDevice device) implements AutoCloseable {
    /**
     * Opens a device.
     *
     * @param group the last component of its {@code iommu_group} link
     * @param name its UUID in lower case
     * @param holder the opener, in a few words
     * @throws ErrnoException from the first step that failed; the steps before it are undone
     */
    public static OpenedDevice open(Vfio vfio, int group, String name, String holder) throws ErrnoException {
        VfioContainer container = vfio.openContainer();
        VfioGroup file = null;
        try {
            file = vfio.openGroup(group, holder);
            file.setContainer(container);
            container.setIommu(VfioContainer.TYPE1V2_IOMMU);
            return new OpenedDevice(container, file, file.getDevice(name));
        } catch (ErrnoException | RuntimeException e) {
            if (file != null) {
                file.close();
            }
            container.close();
            throw e;
        }
    }

    @Override
    public void close() {
        device.close();
        group.close();
        container.close();
    }
}
