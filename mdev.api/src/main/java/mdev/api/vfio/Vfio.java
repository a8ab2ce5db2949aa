package mdev.api.vfio;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The VFIO user API in this process: the counterpart of {@code /dev/vfio/vfio} and {@code /dev/vfio/<group>}. It is the
 * only access to a device, for the shell as for a virtual machine.
 */
@ProviderType
public interface Vfio {
    /** Opens {@code /dev/vfio/vfio}. */
    VfioContainer openContainer();

    /**
     * Opens {@code /dev/vfio/<number>}.
     *
     * @param number the last component of the device's {@code iommu_group} link
     * @param holder the opener, in a few words for listings, for example {@code "vfio:tty"}
     * @throws ErrnoException ENOENT: the group does not exist; EBUSY: the group is already open
     */
    VfioGroup openGroup(int number, String holder) throws ErrnoException;

    /** The numbers of all groups, in ascending order. */
    List<Integer> groups();

    /** The devices that can be opened: a map from the UUID in lower case to the number of the group. */
    Map<String, Integer> devices();

    /**
     * The {@code holder}, as passed to {@link #openGroup}, that has the group or one of its device handles open; empty
     * if the group is free.
     */
    Optional<String> holder(int group);
}
