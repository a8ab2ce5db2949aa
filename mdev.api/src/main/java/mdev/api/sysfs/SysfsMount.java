package mdev.api.sysfs;

import java.nio.file.Path;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The management tree as a file system. A service of the view that mounts the tree, registered once the mount has
 * succeeded or failed.
 */
@ProviderType
public interface SysfsMount {
    /**
     * The mount point, which corresponds to {@code /sys}; empty if the tree is not mounted. The platform's own process
     * must not access it.
     */
    Optional<Path> directory();
}
