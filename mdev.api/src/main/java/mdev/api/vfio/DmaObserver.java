package mdev.api.vfio;

import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ConsumerType;

/** Notified of the calls by which a device's vendor accesses the user's memory. */
@ConsumerType
@FunctionalInterface
public interface DmaObserver {
    /**
     * Called on the vendor's thread after each call; must be quick.
     *
     * @param call the method of {@link DmaAccess}
     * @param iova the first address
     * @param length the number of bytes
     * @param failure null if the call succeeded
     */
    void called(String call, long iova, long length, @Nullable ErrnoException failure);
}
