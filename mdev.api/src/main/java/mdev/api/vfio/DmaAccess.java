package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The translation API of a device: access to its user's memory by I/O virtual address. Thread-safe; may be called from
 * inside a region access and from a notifier.
 *
 * <p>Every call throws ENODEV after the device has been released, and ENOTTY if the user's IOMMU back-end does not
 * implement it. Addresses are unsigned. A back-end implements the calls that it can support.
 */
@ProviderType
public interface DmaAccess {
    /** The size of a page in bytes: the unit of pinning and of dirty tracking. */
    int PAGE_SIZE = 4096;

    /** The maximum number of pages that one call pins. */
    int MAX_PIN_PAGES = PAGE_SIZE / Long.BYTES;

    /** {@code IOMMU_READ}. */
    int IOMMU_READ = 1;

    /** {@code IOMMU_WRITE}. */
    int IOMMU_WRITE = 1 << 1;

    /**
     * {@code vfio_pin_pages}: pins pages until they are unpinned as often as they were pinned ({@link #unpinPages}) or
     * unmapped. Pins all pages or none. Requires a registered {@link VfioNotifier.DmaUnmap}.
     *
     * @param userPfn the pages: I/O virtual addresses divided by the page size
     * @param prot {@link #IOMMU_READ}, {@link #IOMMU_WRITE}; pages pinned for writing count as written
     * @return one page per entry
     * @throws ErrnoException EINVAL: no page given, a page is not mapped, or no notifier is registered; E2BIG: more
     *     than {@link #MAX_PIN_PAGES}; EACCES: a version 1 container; EPERM: the user's mapping does not permit it;
     *     EFAULT: the memory has no pages in this process
     */
    default List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * {@code vfio_unpin_pages}: releases one pin of each page. A page that is mapped but not pinned by the device
     * counts as unpinned.
     *
     * @return the number of entries processed: the call stops at the first page that is not mapped
     * @throws ErrnoException EINVAL: no page given, or the first is not mapped; E2BIG, EACCES as for {@link #pinPages}
     */
    default int unpinPages(long[] userPfn) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * {@code vfio_dma_rw}: reads without pinning, also across mappings and from memory that cannot be pinned. Takes no
     * lock, but for memory that only its owner can access ({@link UserMemory.Remote}) waits for the owner: at most 2 s
     * for each reply.
     *
     * @param iova the first byte
     * @param data the destination
     * @param offset the offset of the first byte in {@code data}
     * @param length the number of bytes, at least 1
     * @throws ErrnoException EINVAL: no bytes, or some of them are not mapped (the bytes before them have been read);
     *     EPERM: the user's mapping does not permit reading; EFAULT: the memory does not exist; for a {@link
     *     UserMemory.Remote} also EDEADLK: called inside a command of the owner, which could not reply; EIO: no reply;
     *     EPROTO: an invalid reply; or the errno of the reply
     */
    default void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /** Writes; as {@link #dmaRead}. EPERM also for memory that may be written but not read, as in the kernel. */
    default void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * Maps a range for direct access, without a copy or a call per access, until it is closed or unmapped. While it is
     * open for writing, all of its pages count as written.
     *
     * @param iova the first byte
     * @param length the number of bytes, at least 1
     * @param prot as for {@link #pinPages}
     * @throws ErrnoException EINVAL: no bytes, some are not mapped, or no notifier is registered; EACCES, EPERM, EFAULT
     *     as for {@link #pinPages}
     */
    default DmaRange mapRange(long iova, long length, int prot) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * {@code vfio_register_notifier}. The release of the device unregisters all notifiers that are still registered.
     *
     * @throws ErrnoException EEXIST: the notifier is already registered; ENODEV: the device is being released; EIO:
     *     {@link VfioNotifier.Client#attached} threw
     */
    default void registerNotifier(VfioNotifier notifier) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * {@code vfio_unregister_notifier}: once it has returned, no call of the notifier is running and none will begin.
     * Waits up to a second for a running call, except when a notifier unregisters itself.
     *
     * @throws ErrnoException ENOENT: the notifier is not registered; ETIMEDOUT: the notifier is now unregistered, but a
     *     call of it has not returned
     */
    default void unregisterNotifier(VfioNotifier notifier) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }
}
