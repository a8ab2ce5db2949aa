package mdev.api;

import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import org.osgi.annotation.versioning.ProviderType;

/** {@code mdev_register_device()} and {@code mdev_unregister_device()}. A service of the core. */
@ProviderType
public interface ParentRegistry {
    /**
     * Registers a parent for the calling bundle. Devices can be created once this returns.
     *
     * @return closing it is {@code mdev_unregister_device()}: no further create starts, the parent's devices are torn
     *     down in parallel, and the call returns within the removal timeout (4 seconds by default); a device with a
     *     vendor call that has not returned by then stays listed as left behind
     * @throws ErrnoException EEXIST: a parent of that name is registered, or two types have the same name; EINVAL: a
     *     name is empty or not a valid file name, the name of a PCI device is not an address or is in a
     *     domain of the host, or a type has no {@code device_api} or {@code available_instances}
     */
    <D extends DeviceOps> Registration registerDevice(ParentDevice device, ParentOps<D> ops) throws ErrnoException;
}
