package mdev.core.sysfs;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsNode;
import org.jspecify.annotations.Nullable;

/**
 * A directory. It stores entries that are added and removed; permanent entries are only described ({@link #contents})
 * and created on access. So a device that is never looked up costs little.
 */
public class Directory extends TreeNode implements SysfsDirectory {
    /** Replaced only inside {@link Tree#change()}. */
    private volatile Entries entries = Entries.NONE;

    /** Creates a directory that is not in the tree until {@code holder.add(this)}. */
    public Directory(Directory holder, String name) {
        this(holder, name, holder.tree().nextIno());
    }

    Directory(@Nullable Directory holder, String name, long ino) {
        super(holder, name, 0755, ino);
    }

    /** Describes the permanent entries of the directory, always in the same order. */
    protected void contents(Contents contents) {}

    /** Adds an entry, inside {@link Tree#change()}. */
    public final void add(SysfsNode node) {
        tree().requireChange();
        entries = entries.with(node);
    }

    /** Creates a link and adds it, inside {@link Tree#change()}. */
    public final void link(String name, Directory target) {
        add(new Link(this, name, target, tree().nextIno()));
    }

    /** Removes an entry, inside {@link Tree#change()}; does nothing if the entry does not exist. */
    public final void remove(String name) {
        Tree tree = tree();
        tree.requireChange();
        entries = entries.without(name);
        tree.gone(this, name);
    }

    /** Drops the permanent entries at the end of this {@link Tree#change()}. */
    protected final void withdrawContents() {
        Tree tree = tree();
        tree.requireChange();
        if (tree.isHeard()) {
            Contents.all(this).keySet().forEach(name -> tree.gone(this, name));
        }
    }

    /**
     * Changes the description of the permanent entries, inside {@link Tree#change()}.
     *
     * @return whether an entry was added, removed or replaced
     */
    protected final boolean redescribe(Runnable change) {
        Tree tree = tree();
        tree.requireChange();
        Map<String, SysfsNode> before = described();
        change.run();
        Map<String, SysfsNode> after = described();
        boolean changed = false;
        for (var entry : before.entrySet()) {
            if (!entry.getValue().equals(after.get(entry.getKey()))) {
                changed = true;
                String path = entry.getKey();
                int slash = path.indexOf('/');
                if (slash < 0) {
                    tree.gone(this, path);
                } else if (before.get(path.substring(0, slash)) instanceof Directory group) {
                    tree.gone(group, path.substring(slash + 1));
                }
            }
        }
        return changed || !after.keySet().equals(before.keySet());
    }

    /** The permanent entries by name, and those of the groups by path. */
    private Map<String, SysfsNode> described() {
        Map<String, SysfsNode> all = new LinkedHashMap<>(Contents.all(this));
        for (SysfsNode node : List.copyOf(all.values())) {
            if (node instanceof Directory group) {
                Contents.all(group).forEach((name, entry) -> all.put(node.name() + "/" + name, entry));
            }
        }
        return all;
    }

    /** The tree that the directory belongs to. */
    public Tree tree() {
        return holder().tree();
    }

    @Override
    public final @Nullable SysfsNode child(String name) {
        SysfsNode live = entries.get(name);
        return live != null ? live : Contents.one(this, name);
    }

    @Override
    public final List<SysfsNode> children(String after, int limit) {
        List<SysfsNode> result = new ArrayList<>();
        Iterator<SysfsNode> described =
                Contents.all(this).tailMap(after, false).values().iterator();
        Iterator<SysfsNode> kept = entries.after(after);
        SysfsNode d = next(described);
        SysfsNode k = next(kept);
        while (result.size() < limit && (d != null || k != null)) {
            if (k == null || (d != null && d.name().compareTo(k.name()) < 0)) {
                result.add(d);
                d = next(described);
            } else {
                result.add(k);
                k = next(kept);
            }
        }
        return result;
    }

    private static @Nullable SysfsNode next(Iterator<SysfsNode> nodes) {
        return nodes.hasNext() ? nodes.next() : null;
    }

    /** Whether this incarnation of an entry can be reached. */
    final boolean holds(SysfsNode node) {
        return node.equals(child(node.name())) && exists();
    }
}
