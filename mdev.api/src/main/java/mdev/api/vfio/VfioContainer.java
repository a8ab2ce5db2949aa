package mdev.api.vfio;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * An open {@code /dev/vfio/vfio}: the address space that its groups share. Thread-safe. A call waits at most 4 s for
 * another one that has not returned from the IOMMU back-end; then it fails with EBUSY ({@link #checkExtension} with 0).
 */
@ProviderType
public interface VfioContainer extends AutoCloseable {
    /** {@code VFIO_API_VERSION}. */
    int API_VERSION = 0;

    int TYPE1_IOMMU = 1;
    int SPAPR_TCE_IOMMU = 2;
    int TYPE1V2_IOMMU = 3;
    int DMA_CC_IOMMU = 4;
    int EEH = 5;
    int TYPE1_NESTING_IOMMU = 6;
    int SPAPR_TCE_V2_IOMMU = 7;
    int NOIOMMU_IOMMU = 8;
    int UNMAP_ALL = 9;

    /** {@code VFIO_GET_API_VERSION}. */
    default int getApiVersion() {
        return API_VERSION;
    }

    /** {@code VFIO_CHECK_EXTENSION}: 0 for no, positive for yes. */
    int checkExtension(int extension);

    /**
     * {@code VFIO_SET_IOMMU}.
     *
     * @param type one of the types above that {@link #checkExtension} reports
     * @throws ErrnoException EINVAL: the container has no group or already has an IOMMU; ENODEV: no back-end supports
     *     the type
     */
    void setIommu(int type) throws ErrnoException;

    /**
     * Any other ioctl on the container; its IOMMU handles it.
     *
     * @throws ErrnoException EINVAL: the container has no IOMMU; ENOTTY: the IOMMU does not support the request; EIO:
     *     the back-end failed; EBADF: the file is closed; else as the request documents
     */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException;

    /** Closes the file. The address space is released once the last group has left it too. Idempotent. */
    @Override
    void close();
}
