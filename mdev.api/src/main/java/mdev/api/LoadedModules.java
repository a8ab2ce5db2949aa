package mdev.api;

import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/** The loaded modules: a service of the core, called before a bundle is stopped. */
@ProviderType
@FunctionalInterface
public interface LoadedModules {
    /** The modules in the order of their registration, the core first. */
    List<LoadedModule> modules();
}
