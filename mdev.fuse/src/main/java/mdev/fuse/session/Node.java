package mdev.fuse.session;

import java.nio.charset.StandardCharsets;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.api.sysfs.SysfsNode;
import mdev.fuse.wire.Attributes;
import mdev.fuse.wire.Attributes.Kind;
import org.jspecify.annotations.Nullable;

/**
 * One incarnation of an entry, identified by a number known to the kernel. Stores the path instead of a reference to
 * the entry, because the kernel may remember a node for any time, and objects of an unloaded vendor must not remain
 * reachable.
 *
 * @param id the number
 * @param parent null for the root
 */
record Node(long id, @Nullable Node parent, String name, long ino, Kind kind, int permissions, long size) {
    /** {@code FUSE_ROOT_ID}. */
    static final long ROOT = 1;

    static Node of(long id, @Nullable Node parent, SysfsNode entry) {
        return new Node(id, parent, entry.name(), entry.ino(), kind(entry), entry.mode(), size(entry));
    }

    /** The number of a directory. */
    static long id(SysfsDirectory directory, SysfsDirectory root) {
        return directory.equals(root) ? ROOT : directory.ino();
    }

    /** Whether every lookup returns this node, so that the kernel may cache the name while the entry exists. */
    boolean isShared() {
        return id == ino;
    }

    static Kind kind(SysfsNode entry) {
        return switch (entry) {
            case SysfsDirectory _ -> Kind.DIRECTORY;
            case SysfsFile _ -> Kind.FILE;
            case SysfsLink _ -> Kind.LINK;
        };
    }

    /** That of a link is 0 in sysfs; but Linux before 6.14 cuts the target that it caches at the link's size. */
    private static long size(SysfsNode entry) {
        return switch (entry) {
            case SysfsDirectory _ -> 0;
            case SysfsFile _ -> SysfsFile.SIZE;
            case SysfsLink link -> link.target().getBytes(StandardCharsets.UTF_8).length;
        };
    }

    /** The entry, or null if this incarnation was removed. */
    @Nullable
    SysfsNode in(SysfsDirectory root) {
        if (parent == null) {
            return root;
        }
        SysfsNode entry = parent.in(root) instanceof SysfsDirectory directory ? directory.child(name) : null;
        return entry != null && entry.ino() == ino ? entry : null;
    }

    Attributes attributes(Attributes.Owner owner) {
        return new Attributes(ino, kind, permissions, size, owner);
    }
}
