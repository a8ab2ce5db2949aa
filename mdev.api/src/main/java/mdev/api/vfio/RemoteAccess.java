package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Reads and writes a user's remote memory, for example through messages to its process. Called on the requesting
 * vendor's thread, possibly on several threads concurrently. A call must return within seconds and must not unmap the
 * memory that it accesses: unmapping waits for the call.
 */
@ConsumerType
public interface RemoteAccess {
    /**
     * Reads.
     *
     * @param address the address of the first byte, relative to the same origin as {@link UserMemory.Remote#address()}
     * @param data the destination; must not be kept
     * @param offset the offset of the first byte in {@code data}
     * @param length the number of bytes, at least 1
     * @throws ErrnoException passed to the vendor unchanged
     */
    void read(long address, MemorySegment data, long offset, long length) throws ErrnoException;

    /** Writes; parameters and errors as for {@link #read}. */
    void write(long address, MemorySegment data, long offset, long length) throws ErrnoException;
}
