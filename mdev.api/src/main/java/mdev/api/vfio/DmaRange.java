package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/** A range of I/O virtual addresses that a vendor accesses directly. */
@ProviderType
public interface DmaRange extends AutoCloseable {
    /**
     * The bytes in order, one segment per mapping that the range crosses; read-only unless the range was mapped for
     * writing. An access to a segment throws IllegalStateException once its mapping has been unmapped.
     */
    List<MemorySegment> segments();

    /**
     * Releases the range, so that the user's next unmapping need not notify the vendor. Idempotent; the segments are no
     * longer valid.
     */
    @Override
    void close();
}
