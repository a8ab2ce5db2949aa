package mdev.api;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * {@code class_create()} and {@code device_create()}: adds classes and devices of other framework bundles to the tree.
 * A service of the core.
 */
@ProviderType
public interface ClassRegistry {
    /**
     * Creates {@code /sys/class/<name>} for the calling bundle. A class also exists while it has a device.
     *
     * @throws ErrnoException EEXIST: the class has already been created; EINVAL: the name is empty or not a valid file
     *     name
     */
    Registration createClass(String name) throws ErrnoException;

    /**
     * Creates a device for the calling bundle.
     *
     * @throws ErrnoException EEXIST: the class has a device of that name; EINVAL: a name is empty or not a valid file
     *     name
     */
    Registration createDevice(ClassDevice device) throws ErrnoException;
}
