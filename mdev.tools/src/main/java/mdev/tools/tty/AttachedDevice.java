package mdev.tools.tty;

import java.util.Locale;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.UnknownNameException;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;

/** A device with all that a VFIO user opens to use it: container, group, type1 IOMMU. */
public record AttachedDevice(VfioContainer container, VfioGroup group, VfioDevice device) implements AutoCloseable {
    /**
     * Opens a device.
     *
     * @param uuid in either case
     * @param holder the user, in a few words, for listings
     * @throws ErrnoException ENODEV: no such device; EBUSY: it has a user; else from the step that failed. The steps
     *     before it are undone
     */
    public static AttachedDevice open(Vfio vfio, String uuid, String holder) throws ErrnoException {
        String name = uuid.toLowerCase(Locale.ROOT);
        Map<String, Integer> devices = vfio.devices();
        Integer number = devices.get(name);
        if (number == null) {
            throw UnknownNameException.among(
                    Errno.ENODEV, "no device '" + uuid + "' is bound to vfio_mdev", name, devices.keySet());
        }
        VfioContainer container = vfio.openContainer();
        try {
            VfioGroup group = openGroup(vfio, number, name, holder);
            try {
                group.setContainer(container);
                container.setIommu(VfioContainer.TYPE1_IOMMU);
                return new AttachedDevice(container, group, group.getDevice(name));
            } catch (ErrnoException | RuntimeException e) {
                group.close();
                throw e;
            }
        } catch (ErrnoException | RuntimeException e) {
            container.close();
            throw e;
        }
    }

    private static VfioGroup openGroup(Vfio vfio, int number, String name, String holder) throws ErrnoException {
        try {
            return vfio.openGroup(number, holder);
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            }
            String user = vfio.holder(number).orElse("another");
            throw new ErrnoException(Errno.EBUSY, "device %s is in use by %s".formatted(name, user));
        }
    }

    @Override
    public void close() {
        device.close();
        group.close();
        container.close();
    }
}
