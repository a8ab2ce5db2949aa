package mdev.api;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** {@code mdev_register_driver()} and {@code mdev_unregister_driver()}. A service of the core. */
@ProviderType
public interface DriverRegistry {
    /**
     * Registers a driver for the calling bundle. Unbound devices are probed before this returns.
     *
     * @return closing it is {@code mdev_unregister_driver()}: every device is unbound, in parallel, within
     *     the removal timeout (4 seconds by default)
     * @throws ErrnoException EBUSY: the name is in use; EINVAL: the name is empty or not a valid file name
     */
    Registration registerDriver(MdevDriver driver) throws ErrnoException;
}
