package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The translation API of a device: its user's memory by I/O virtual address. Any thread may call, also from inside a region access and from a notifier.
 *
 * <p>Every call: ENODEV after the device is released; ENOTTY when the user's IOMMU back-end does not have it. Addresses are unsigned. A back-end implements what it can.
 */
@ProviderType
public interface DmaAccess {
    /** A page in bytes: what is pinned, and what is tracked as written. */
    int PAGE_SIZE = 4096;

    /** Pages that one call pins at most. */
    int MAX_PIN_PAGES = PAGE_SIZE / Long.BYTES;

    /** {@code IOMMU_READ}. */
    int IOMMU_READ = 1;

    /** {@code IOMMU_WRITE}. */
    int IOMMU_WRITE = 1 << 1;

    /**
     * {@code vfio_pin_pages}: pins pages until as many {@link #unpinPages} or an unmapping. All or nothing. Needs a {@link VfioNotifier.DmaUnmap}.
     *
     * @param userPfn the pages: I/O virtual addresses divided by the page size
     * @param prot {@link #IOMMU_READ}, {@link #IOMMU_WRITE}; pages pinned for writing count as written
     * @return a page per entry
     * @throws ErrnoException EINVAL: no page, a page that is not mapped, or no notifier is registered; E2BIG: more than
     *     {@link #MAX_PIN_PAGES}; EACCES: a version 1 container; EPERM: the user forbade it; EFAULT: memory that has no pages here
     */
    default List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * {@code vfio_unpin_pages}: lets go once of each page. A page that is mapped but that the device has not pinned counts as unpinned.
     *
     * @return how many entries were done: it stops at the first that is not mapped
     * @throws ErrnoException EINVAL: no page, or the first is not mapped; E2BIG; EACCES as above
     */
    default int unpinPages(long[] userPfn) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * {@code vfio_dma_rw}: reads without pinning, also across mappings, and also memory that cannot be pinned. Takes no lock, but waits for the
     * owner of memory that only he can reach ({@link UserMemory.Remote}): at most 2 s for each answer.
     *
     * @param iova the first byte
     * @param data where the bytes go
     * @param offset the place of the first in {@code data}
     * @param length how many, at least 1
     * @throws ErrnoException EINVAL: no bytes, or some of them are not mapped (what is before them has been read); EPERM: the
     *     user forbade reading; EFAULT: the memory is not there; where it is a {@link UserMemory.Remote} also EDEADLK: called inside of a command of its owner, who would not
     *     answer; EIO: no answer; EPROTO: not an answer; or what he answers
     */
    default void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /** Writes; as {@link #dmaRead}. EPERM also: memory that may be written but not read, as in the kernel. */
    default void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * A range to reach directly, without a copy and without a call per access, until it is closed or unmapped. While it is open for writing all of its pages count as written.
     *
     * @param iova the first byte
     * @param length how many, at least 1
     * @param prot as for {@link #pinPages}
     * @throws ErrnoException EINVAL: no bytes, some are not mapped, or no notifier is registered; EACCES, EPERM, EFAULT as for {@link #pinPages}
     */
    default DmaRange mapRange(long iova, long length, int prot) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * {@code vfio_register_notifier}. The release of the device unregisters what is registered still.
     *
     * @throws ErrnoException EEXIST: it is registered; ENODEV: the device is being released; EIO: {@link VfioNotifier.Client#attached} threw
     */
    default void registerNotifier(VfioNotifier notifier) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * {@code vfio_unregister_notifier}: when it returns no call of the notifier runs and none will begin. A call that runs is waited for, up to a second; not
     * so when a notifier unregisters itself.
     *
     * @throws ErrnoException ENOENT: it is not registered; ETIMEDOUT: it is unregistered now, but a call of it does not return
     */
    default void unregisterNotifier(VfioNotifier notifier) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }
}
