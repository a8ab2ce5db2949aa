package mdev.api.vfio;

import java.util.Set;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * An IOMMU back-end: {@code struct vfio_iommu_driver_ops}. A service: a container finds a back-end by the type that its user
 * asks for, the one registered last first. Any thread may call.
 */
@ConsumerType
public interface IommuDriver {
    /** The back-end's name for listings and logs, for example {@code vfio-iommu-type1}. */
    String name();

    /** The types that {@link #open} takes, for example {@link VfioContainer#TYPE1_IOMMU}. Constant. */
    Set<Integer> types();

    /**
     * {@code VFIO_CHECK_EXTENSION} of a container that has no IOMMU yet: 0 for no, positive for yes. Every type is an extension.
     */
    default int checkExtension(int extension) {
        return types().contains(extension) ? 1 : 0;
    }

    /**
     * Makes the address space of one container.
     *
     * @param type one of {@link #types()}
     * @return released with {@link Iommu#release()}
     * @throws ErrnoException the next back-end is tried; if it was the last, what {@code VFIO_SET_IOMMU} answers
     */
    Iommu open(int type) throws ErrnoException;
}
