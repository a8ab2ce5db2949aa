package mdev.api;

import java.util.List;

/**
 * A bundle that is loaded as a module, {@code /sys/module/<name>}: the core, and each bundle that has registered a
 * parent or a driver.
 *
 * @param name of the module
 * @param bundleId of the framework
 * @param users who would lose something if the module went, in a few words each: open devices and their users, other
 *     modules
 */
public record LoadedModule(String name, long bundleId, List<String> users) {
    /** The module of the core. */
    public static final String CORE = "mdev";

    private static final String VENDOR = "vendor.";

    public LoadedModule {
        users = List.copyOf(users);
    }

    /**
     * The name of a bundle's module: {@code vendor.mtty} is {@code mtty}, {@code vfio.mdev} is {@code vfio_mdev},
     * {@code mdev.core} is {@code mdev}.
     */
    public static String nameOf(String symbolicName) {
        if (symbolicName.equals("mdev.core")) {
            return CORE;
        }
        String name = symbolicName.startsWith(VENDOR) ? symbolicName.substring(VENDOR.length()) : symbolicName;
        return name.replace('.', '_').replace('-', '_');
    }
}
