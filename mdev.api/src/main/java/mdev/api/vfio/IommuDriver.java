package mdev.api.vfio;

import java.util.Set;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * An IOMMU back-end: {@code struct vfio_iommu_driver_ops}. A service: a container selects a back-end by the type that
 * its user requests and tries the one registered last first. Thread-safe.
 */
@ConsumerType
public interface IommuDriver {
    /** The back-end's name for listings and logs, for example {@code vfio-iommu-type1}. */
    String name();

    /** The types that {@link #open} accepts, for example {@link VfioContainer#TYPE1_IOMMU}. Constant. */
    Set<Integer> types();

    /**
     * {@code VFIO_CHECK_EXTENSION} of a container without an IOMMU: 0 for no, positive for yes. Every type is an
     * extension.
     */
    default int checkExtension(int extension) {
        return types().contains(extension) ? 1 : 0;
    }

    /**
     * Creates the address space of one container.
     *
     * @param type one of {@link #types()}
     * @return the address space, to be released with {@link Iommu#release()}
     * @throws ErrnoException the container tries the next back-end; the errno of the last one becomes the result of
     *     {@code VFIO_SET_IOMMU}
     */
    Iommu open(int type) throws ErrnoException;
}
