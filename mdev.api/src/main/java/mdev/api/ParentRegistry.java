package mdev.api;

import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import org.osgi.annotation.versioning.ProviderType;

/** {@code mdev_register_device()} and {@code mdev_unregister_device()}. A service of the core. */
@ProviderType
public interface ParentRegistry {
    /**
     * Registers a parent for the calling bundle. Its devices can be created when this returns.
     *
     * @return closing it is {@code mdev_unregister_device()}: no create starts any more, the parent's devices are torn down in parallel, and after at most 4 seconds it
     *     returns; a device whose vendor did not come back by then stays listed as left behind
     * @throws ErrnoException EEXIST: a parent of that name is registered, or two types have one name; EINVAL: a name is empty or no file name, or a type has no {@code
     *     device_api} or {@code available_instances}
     */
    <D extends DeviceOps> Registration registerDevice(ParentDevice device, ParentOps<D> ops) throws ErrnoException;
}
