package mdev.api;

import java.time.Duration;
import java.util.Optional;
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
     * Unbinds from a device. Its user is asked to close it, waited for, then cut off. A call of the vendor's that has not
     * returned by then keeps the device's {@link Slot} from being quiet: the core neither frees nor binds the device until it is.
     *
     * @param gracePeriod the time this may take; when it returns the user cannot reach the vendor any more
     */
    void remove(Mdev mdev, Duration gracePeriod);

    /** Who uses the device now, in a few words for listings; empty when it is not open. */
    default Optional<String> user(Mdev mdev) {
        return Optional.empty();
    }
}
