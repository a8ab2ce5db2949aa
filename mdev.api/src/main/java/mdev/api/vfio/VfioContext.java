package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * What the framework lends to an open device: its user's memory ({@link DmaAccess}) and its user's interrupts. Any thread may
 * call, also from inside a region access; no interrupt call takes a lock, blocks or allocates. After {@code release} the interrupt
 * calls do nothing.
 */
@ProviderType
public interface VfioContext extends DmaAccess {
    /**
     * Whether the user has a trigger for the interrupt.
     *
     * @param index see {@link VfioPci}
     * @param vector from 0; one out of range is not armed
     */
    boolean armed(int index, int vector);

    /**
     * Signals an edge-triggered interrupt (MSI, MSI-X, ERR, REQ) once. One that is not armed or masked is dropped,
     * as a message to nowhere is.
     */
    void trigger(int index, int vector);

    /**
     * Sets the level of the INTx line. While the line is high, armed and not masked the user is signalled once, which masks the line
     * until the user unmasks it; if it is still high then, the user is signalled again.
     */
    void setIntx(boolean high);

    /**
     * Memory behind a region, which the user can map too ({@code mmap} of {@code struct mdev_parent_ops}): a read or write of either side
     * is the other's at once. One per region and user: it begins as zeroes after each open, and a user who goes and keeps his mapping shares it with nobody any more. What a
     * device must remember the vendor saves in its release. The vendor tells the user by
     * {@link RegionInfo#MMAP} and {@link RegionCapability.SparseMmap} which parts he may map; what he maps in spite of it is his too,
     * so keep nothing there that is not for his eyes.
     *
     * @param region its index
     * @param size of the whole region in bytes; pages that nobody touches take no memory
     * @return the memory, until {@code release} returns: an access after that throws IllegalStateException
     * @throws ErrnoException EINVAL: a negative index, a size below 1, or other than the first time; ENODEV: released; ENOMEM, EMFILE: out of them
     */
    default MemorySegment regionMemory(int region, long size) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }

    /**
     * Makes a region's memory zeroes again, as it was after the open, for the vendor and for whoever maps it; its pages are given back until somebody touches them. What
     * either side writes meanwhile may be there after it or not. Takes about as long as the pages that were touched are many.
     *
     * @param region its index
     * @throws ErrnoException EINVAL: the region has no memory; ENODEV: released; else what the host answered, and the memory is as it was
     */
    default void clearRegionMemory(int region) throws ErrnoException {
        throw new ErrnoException(Errno.ENOTTY);
    }
}
