package mdev.api;

import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/** The modules that are loaded: a service of the core, asked before a bundle is stopped. */
@ProviderType
@FunctionalInterface
public interface LoadedModules {
    /** In the order of their registration, the core first. */
    List<LoadedModule> modules();
}
