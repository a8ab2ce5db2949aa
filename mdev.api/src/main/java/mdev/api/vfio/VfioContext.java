package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The framework's services for an open device: access to its user's memory ({@link DmaAccess}) and interrupts.
 * Thread-safe; may be called from inside a region access. Interrupt calls take no lock, do not block and do not
 * allocate; after {@code release} they do nothing.
 */
@ProviderType
public interface VfioContext extends DmaAccess {
    /**
     * Whether the user has set a trigger for the interrupt.
     *
     * @param index the kind, see {@link IrqInfo}
     * @param vector the vector, from 0; a vector out of range is not armed
     */
    boolean armed(int index, int vector);

    /**
     * Signals an edge-triggered interrupt once: of any kind that is not {@link IrqInfo#AUTOMASKED}, such as MSI, MSI-X
     * and all of a vfio-ccw device. Dropped if unarmed, as a message without a receiver is; if masked, delivered by the
     * unmask.
     */
    void trigger(int index, int vector);

    /**
     * Sets the level of the INTx line, which is vector 0 of the first kind that is {@link IrqInfo#AUTOMASKED}; without
     * one, does nothing. A line that is high, armed and unmasked signals the user once, which masks it
     * until the user unmasks it; if the line is still high then, it signals the user again.
     */
    void setIntx(boolean high);

    /**
     * Memory behind a region, which the user can map too ({@code mmap} of {@code struct mdev_parent_ops}): each side
     * sees the other's writes immediately. There is one memory per region and user: it is zeroed on each open, and a
     * user that keeps its mapping after closing the device shares it with no later user. The vendor's {@code release}
     * must save contents that the device needs later. {@link RegionInfo#MMAP} and {@link RegionCapability.SparseMmap}
     * tell the user which parts it may map; a user can map the rest regardless, so a vendor must not keep secrets
     * there.
     *
     * @param region its index
     * @param size the size of the whole region in bytes; untouched pages take no memory
     * @return the memory, valid until {@code release} returns: a later access throws IllegalStateException
     * @throws ErrnoException EINVAL: a negative index, a size below 1, or a size other than in the first call; ENODEV:
     *     the device is released; ENOMEM, EMFILE: out of memory or descriptors
     */
    default MemorySegment regionMemory(int region, long size) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * Zeroes a region's memory, as after the open, for the vendor and for every mapping of it; its pages are freed
     * until they are touched again. A concurrent write of either side may or may not survive. Takes time proportional
     * to the number of touched pages.
     *
     * @param region its index
     * @throws ErrnoException EINVAL: the region has no memory; ENODEV: the device is released; else the host's errno,
     *     and the memory is unchanged
     */
    default void clearRegionMemory(int region) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }
}
