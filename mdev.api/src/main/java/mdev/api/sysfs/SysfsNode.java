package mdev.api.sysfs;

/**
 * An entry of the management tree, as a view sees it.
 *
 * <p>A node stands for one incarnation of an entry: once the entry has been removed, {@link #exists()} returns false
 * permanently, even if another entry with the same path has been created since. Two nodes are equal if they stand for
 * the same incarnation. Thread-safe.
 */
public sealed interface SysfsNode permits SysfsDirectory, SysfsFile, SysfsLink {
    /** The last component of the path; empty for the root. */
    String name();

    /** The absolute path, beginning with {@code /sys}. */
    String path();

    /** The permission bits: 0755 for directories, 0777 for links, the attribute's mode for files. */
    int mode();

    /** The inode number: unique among all incarnations that this tree has ever had. */
    long ino();

    /** Whether the entry is still in the tree. */
    boolean exists();
}
