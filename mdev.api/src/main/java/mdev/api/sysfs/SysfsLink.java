package mdev.api.sysfs;

import org.osgi.annotation.versioning.ProviderType;

/** A symbolic link. */
@ProviderType
public non-sealed interface SysfsLink extends SysfsNode {
    /** The result of readlink(2): a path relative to the directory that holds the link, as in the kernel. */
    String target();
}
