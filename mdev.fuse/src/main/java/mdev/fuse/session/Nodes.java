package mdev.fuse.session;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsNode;

/**
 * The nodes known to the kernel, each until it has been forgotten as often as it was looked up. Used by one thread at a
 * time.
 */
final class Nodes {
    private static final int WRITABLE = 0222;

    /** Above all inode numbers. */
    private static final long FRESH = 1L << 62;

    private final SysfsDirectory root;
    private final DentryCache dentries;
    private final Map<Long, Known> known = new HashMap<>();
    private long fresh = FRESH;

    /** A node and its lookup count. */
    private record Known(Node node, long lookups) {}

    Nodes(SysfsDirectory root, DentryCache dentries) {
        this.root = root;
        this.dentries = dentries;
        known.put(Node.ROOT, new Known(Node.of(Node.ROOT, null, root), 1));
    }

    /** @throws ErrnoException ENOENT: the kernel has forgotten it */
    Node get(long id) throws ErrnoException {
        Known entry = known.get(id);
        if (entry == null) {
            throw new ErrnoException(Errno.ENOENT);
        }
        return entry.node();
    }

    /**
     * Looks up a name and counts the lookup of its node. Pairs with {@link #forget}.
     *
     * @throws ErrnoException ENOENT: no such entry, or the directory was removed
     */
    Node lookup(long directory, String name) throws ErrnoException {
        Node parent = get(directory);
        dentries.asked(directory, name);
        SysfsNode entry = parent.in(root) instanceof SysfsDirectory here ? here.child(name) : null;
        if (entry == null) {
            dentries.missing(directory, name);
            throw new ErrnoException(Errno.ENOENT);
        }
        Known found = known.compute(
                number(entry),
                (id, old) -> old == null
                        ? new Known(Node.of(id, parent, entry), 1)
                        : new Known(old.node(), old.lookups() + 1));
        dentries.found(directory, name, found.node().id());
        return found.node();
    }

    /**
     * The kernel holds a lock of the inode during a write, and takes it for O_TRUNC. With a new inode for each lookup,
     * a hung write blocks only processes that share its descriptor.
     */
    private long number(SysfsNode entry) {
        return entry instanceof SysfsFile file && (file.mode() & WRITABLE) != 0 ? ++fresh : entry.ino();
    }

    void forget(long id, long lookups) {
        Known old = known.get(id);
        if (old == null || old.node().parent() == null) {
            return;
        }
        if (old.lookups() > lookups) {
            known.put(id, new Known(old.node(), old.lookups() - lookups));
        } else {
            known.remove(id);
            dentries.forgotten(old.node().parent().id(), old.node().name(), id);
        }
    }

    /** Called after the unmount, when the kernel sends no more FORGET. */
    void forgetAll() {
        List.copyOf(known.keySet()).forEach(id -> forget(id, Long.MAX_VALUE));
    }

    /** The number of nodes, including the root. */
    int size() {
        return known.size();
    }
}
