package mdev.api;

import java.time.Duration;
import java.util.Optional;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A driver on the mediated bus: {@code struct mdev_driver}. Every driver matches every device. For one device, probe
 * and remove alternate and never overlap; for different devices they may run concurrently. The core holds no lock
 * during these calls.
 */
@ConsumerType
public interface MdevDriver {
    /** The name below {@code /sys/bus/mdev/drivers}. */
    String name();

    /**
     * Binds to a device, which is already in its IOMMU group.
     *
     * @throws ErrnoException the device stays unbound, and the next driver is tried; EMFILE, ENFILE: the
     *     process is short of resources, and a {@code create} fails with it
     */
    void probe(Mdev mdev) throws ErrnoException;

    /**
     * Unbinds from a device. The driver asks the user to close the device, waits, then revokes the user's access. A
     * vendor call that has not returned by then keeps the device's {@link Slot} from becoming quiet: the core neither
     * frees nor binds the device until the slot is quiet.
     *
     * @param gracePeriod the time that this call may take; after it has returned the user can no longer reach the
     *     vendor
     */
    void remove(Mdev mdev, Duration gracePeriod);

    /** The current user of the device, in a few words for listings; empty if the device is not open. */
    default Optional<String> user(Mdev mdev) {
        return Optional.empty();
    }
}
