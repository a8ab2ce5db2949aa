package mdev.api;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** The modules that should be loaded and are not. Registered as a service; the core lists them beside the others. */
@ConsumerType
@FunctionalInterface
public interface FailedModules {
    List<FailedModule> failed();
}
