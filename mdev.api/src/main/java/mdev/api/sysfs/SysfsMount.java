package mdev.api.sysfs;

import java.nio.file.Path;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** The management tree as a file system. A service of the view that mounts it; it is there when the mount is, or has failed. */
@ProviderType
public interface SysfsMount {
    /** What stands for {@code /sys}; empty: it is not mounted. The platform's own process must not touch it. */
    Optional<Path> directory();
}
