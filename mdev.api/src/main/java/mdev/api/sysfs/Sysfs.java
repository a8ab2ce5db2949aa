package mdev.api.sysfs;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * The management tree. There is one model of it, in the core, and several views: shell, file system, web.
 *
 * <p>A service of the core. Any thread may call; no call waits for a change of the tree in progress.
 */
@ProviderType
public interface Sysfs {
    /** The directory {@code /sys}. */
    SysfsDirectory root();

    /**
     * Finds an entry.
     *
     * @param path absolute ({@code /sys/bus/mdev}) or relative to {@code /sys} ({@code bus/mdev}); {@code .} and {@code
     *     ..} are understood
     * @param followLast whether a link as the last component is followed (stat) or answered (lstat); links before it
     *     are always followed
     * @throws ErrnoException ENOENT, ENOTDIR or ELOOP, as path resolution in the kernel
     */
    SysfsNode lookup(String path, boolean followLast) throws ErrnoException;

    /**
     * Adds a listener, until it is removed. Not a service that the tree finds, as other listeners are, for two reasons.
     * A view remembers what it has read, so it must know from when on it is told of removals: from the return of this
     * call on. And a view needs the tree before it can serve, so a tree that referred to its views would be a cycle.
     *
     * <p>An attribute is notified after each write to it that went well, by {@link #changed}, and {@code
     * available_instances} when a device of its parent has come or gone.
     */
    void addListener(SysfsListener listener);

    /** Nothing happens if it is none. */
    void removeListener(SysfsListener listener);

    /**
     * {@code sysfs_notify()}: the content of an attribute has changed, and nobody wrote to it. Who polls it wakes and
     * reads it again. For the owner of the attribute, from any thread that holds no lock which its {@code show()}
     * takes; nothing happens if there is no such attribute, because a device may go at any time.
     *
     * @param path as for {@link #lookup}, for example {@code bus/mdev/devices/<uuid>/vendor/link_state}
     */
    void changed(String path);
}
