package mdev.api.vfio;

import java.util.List;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The VFIO user API in this process: what {@code /dev/vfio/vfio} and {@code /dev/vfio/<group>} are to a program. It
 * is the only way to a device, for the shell as for a virtual machine.
 */
@ProviderType
public interface Vfio {
    /** Opens {@code /dev/vfio/vfio}. */
    VfioContainer openContainer();

    /**
     * Opens {@code /dev/vfio/<number>}.
     *
     * @param number what the device's {@code iommu_group} link ends with
     * @param holder who opens it, in a few words for listings, for example {@code "vfio:tty"}
     * @throws ErrnoException ENOENT: there is no such group; EBUSY: it has an opener
     */
    VfioGroup openGroup(int number, String holder) throws ErrnoException;

    /** The numbers of the groups there are, in order. */
    List<Integer> groups();
}
