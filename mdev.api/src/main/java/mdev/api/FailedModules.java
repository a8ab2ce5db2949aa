package mdev.api;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** The modules that failed to load. Registered as a service; the core lists them with the loaded modules. */
@ConsumerType
@FunctionalInterface
public interface FailedModules {
    List<FailedModule> failed();
}
