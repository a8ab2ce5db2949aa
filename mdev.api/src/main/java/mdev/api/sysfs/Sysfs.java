package mdev.api.sysfs;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The management tree. The core holds its only model; the shell, the file system and the web are views of it.
 *
 * <p>A service of the core. Thread-safe; no call waits for a change of the tree in progress.
 */
@ProviderType
public interface Sysfs {
    /** The directory {@code /sys}. */
    SysfsDirectory root();

    /**
     * Finds an entry.
     *
     * @param path absolute ({@code /sys/bus/mdev}) or relative to {@code /sys} ({@code bus/mdev}); {@code .} and {@code
     *     ..} are resolved
     * @param followLast whether to follow a link in the last component (stat) or return it (lstat); links before it are
     *     always followed
     * @throws ErrnoException ENOENT, ENOTDIR or ELOOP, as path resolution in the kernel
     */
    SysfsNode lookup(String path, boolean followLast) throws ErrnoException;

    /**
     * Adds a listener until it is removed. Unlike other listeners it is not a whiteboard service, for two reasons. A
     * view caches entries that it has read, so it must know when notifications of removals begin: when this call
     * returns. And a view depends on the tree, so a tree that referenced its views as services would close a cycle.
     *
     * <p>Listeners are notified of an attribute after each successful write to it and by {@link #changed}, and of
     * {@code available_instances} after a device of the parent has been created or removed.
     */
    void addListener(SysfsListener listener);

    /** Removes a listener; does nothing if the listener is not registered. */
    void removeListener(SysfsListener listener);

    /**
     * {@code sysfs_notify()}: reports that the content of an attribute has changed without a write. Pollers of the file
     * wake and read it again. Called by the owner of the attribute, from any thread that holds no lock which the
     * attribute's {@code show()} takes; does nothing if the attribute does not exist, because a device may be removed
     * at any time.
     *
     * @param path as for {@link #lookup}, for example {@code bus/mdev/devices/<uuid>/vendor/link_state}
     */
    void changed(String path);
}
