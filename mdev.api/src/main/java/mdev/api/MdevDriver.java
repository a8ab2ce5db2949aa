package mdev.api;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A driver on the mediated bus: {@code struct mdev_driver}. Every driver matches every device. For one device probe and
 * remove alternate and never overlap; for different devices they run at once. No lock of the core is held around them.
 */
@ConsumerType
public interface MdevDriver {
    /** The name below {@code /sys/bus/mdev/drivers}. */
    String name();

    /**
     * Binds to a device, which is already in its IOMMU group.
     *
     * @throws ErrnoException the device stays unbound, and the next driver is tried
     */
    void probe(Mdev mdev) throws ErrnoException;

    /**
     * Lets go of a device. A user is asked to leave, waited for, then cut off.
     *
     * @param patience the time this may take; when it returns the user cannot reach the vendor any more
     */
    void remove(Mdev mdev, Duration patience);

    /**
     * Whether the vendor is quiet, asked after {@link #remove} has returned. It is at once, unless a vendor call did not come back within
     * the patience: then the stage completes when it does. Until then the vendor's {@code remove} must not run, and the device
     * counts as left behind.
     */
    default CompletionStage<Void> quiesced(Mdev mdev) {
        return CompletableFuture.completedStage(null);
    }

    /** Who uses the device now, in a few words for listings; empty when it is not open. */
    default Optional<String> user(Mdev mdev) {
        return Optional.empty();
    }
}
