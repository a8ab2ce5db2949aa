package mdev.api.sysfs;

/**
 * An entry of the management tree, as a view sees it.
 *
 * <p>A node stands for one incarnation of an entry: after the entry is gone {@link #exists()} is false for ever, even if another entry
 * of the same path has come since. Two nodes are equal when they stand for the same incarnation. Any thread may call.
 */
public sealed interface SysfsNode permits SysfsDirectory, SysfsFile, SysfsLink {
    /** The last component of the path; empty for the root. */
    String name();

    /** The absolute path, beginning with {@code /sys}. */
    String path();

    /** The permission bits: 0755 for directories, 0777 for links, the attribute's mode for files. */
    int mode();

    /** A number that no other incarnation in this tree has or ever had (the inode number). */
    long ino();

    /** Whether the entry is still in the tree. */
    boolean exists();
}
