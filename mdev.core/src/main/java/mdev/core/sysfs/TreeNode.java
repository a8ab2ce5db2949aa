package mdev.core.sysfs;

import mdev.api.sysfs.SysfsNode;
import org.jspecify.annotations.Nullable;

/** The part common to all kinds of nodes. */
abstract class TreeNode {
    private final @Nullable Directory holder;
    private final String name;
    private final int mode;
    private final long ino;

    TreeNode(@Nullable Directory holder, String name, int mode, long ino) {
        this.holder = holder;
        this.name = name;
        this.mode = mode;
        this.ino = ino;
    }

    /** The directory that contains this one; the root contains itself. */
    protected final Directory holder() {
        return holder == null ? (Directory) this : holder;
    }

    public final String name() {
        return name;
    }

    public final String path() {
        return holder == null ? "/sys" : holder.path() + "/" + name;
    }

    public final int mode() {
        return mode;
    }

    public final long ino() {
        return ino;
    }

    public final boolean exists() {
        return holder == null || (this instanceof SysfsNode node && holder.holds(node));
    }

    @Override
    public final boolean equals(@Nullable Object other) {
        return other instanceof SysfsNode node && node.ino() == ino;
    }

    @Override
    public final int hashCode() {
        return Long.hashCode(ino);
    }

    @Override
    public String toString() {
        return path();
    }
}
