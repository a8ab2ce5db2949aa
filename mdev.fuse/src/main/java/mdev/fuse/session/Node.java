package mdev.fuse.session;

import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.api.sysfs.SysfsNode;
import mdev.fuse.wire.Attributes;
import mdev.fuse.wire.Attributes.Kind;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel knows by a number: one incarnation of an entry. It says where the entry is found and does not hold
 * it, because the kernel remembers for as long as it likes, and nothing of a vendor that is unloaded may stay.
 *
 * @param id the number
 * @param parent null for the root
 */
record Node(long id, @Nullable Node parent, String name, long ino, Kind kind, int permissions, long size) {
    /** {@code FUSE_ROOT_ID}. */
    static final long ROOT = 1;

    static Node of(long id, @Nullable Node parent, SysfsNode entry) {
        long size = entry instanceof SysfsFile ? SysfsFile.SIZE : 0; // as sysfs has it, links too
        return new Node(id, parent, entry.name(), entry.ino(), kind(entry), entry.mode(), size);
    }

    /** The number of a directory. */
    static long id(SysfsDirectory directory, SysfsDirectory root) {
        return directory.equals(root) ? ROOT : directory.ino();
    }

    /** Whether each lookup finds this node: so the kernel need not ask again while the entry is there. */
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

    /** The entry, or null when this incarnation is gone. */
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
