package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/** A range of I/O virtual addresses that a vendor reaches directly. */
@ProviderType
public interface DmaRange extends AutoCloseable {
    /**
     * The bytes in order, one segment per mapping that the range crosses; read-only unless asked for writing. Dead (IllegalStateException) from the
     * unmapping of any of them on for that one.
     */
    List<MemorySegment> segments();

    /** Lets go: the user's next unmapping need not ask. Idempotent; the segments must not be used any more. */
    @Override
    void close();
}
