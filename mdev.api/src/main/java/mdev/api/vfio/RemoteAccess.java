package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * How a user's remote memory is read and written, for example by messages to its process. Called from any thread, several at
 * once, on the thread of the vendor that asked. A call must end within seconds, and must not unmap the memory that it serves: unmapping waits for it.
 */
@ConsumerType
public interface RemoteAccess {
    /**
     * Reads.
     *
     * @param address of the first byte, counted as in {@link UserMemory.Remote#address()}
     * @param data where the bytes go; not to be kept
     * @param offset the place of the first in {@code data}
     * @param length how many, at least 1
     * @throws ErrnoException the vendor gets it as it is
     */
    void read(long address, MemorySegment data, long offset, long length) throws ErrnoException;

    /** Writes; parameters and errors as for {@link #read}. */
    void write(long address, MemorySegment data, long offset, long length) throws ErrnoException;
}
