package mdev.api;

import java.util.List;

/**
 * A bundle that is loaded as a module, {@code /sys/module/<name>}: the core, and each bundle that has registered a
 * parent or a driver.
 *
 * @param name the name of the module
 * @param bundleId the framework's id of the bundle
 * @param users the users that prevent an unload, in a few words each: open devices with their users, other modules
 */
public record LoadedModule(String name, long bundleId, List<String> users) {
    /** The name of the core's module. */
    public static final String CORE = "mdev";

    private static final String VENDOR = "vendor.";

    public LoadedModule {
        users = List.copyOf(users);
    }

    /**
     * Returns the name of a bundle's module: {@code mtty} for {@code vendor.mtty}, {@code vfio_mdev} for {@code
     * vfio.mdev}, {@code mdev} for {@code mdev.core}.
     */
    public static String nameOf(String symbolicName) {
        if (symbolicName.equals("mdev.core")) {
            return CORE;
        }
        String name = symbolicName.startsWith(VENDOR) ? symbolicName.substring(VENDOR.length()) : symbolicName;
        return name.replace('.', '_').replace('-', '_');
    }
}
