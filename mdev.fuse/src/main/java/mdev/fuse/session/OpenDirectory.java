package mdev.fuse.session;

import java.util.ArrayList;
import java.util.List;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsNode;
import mdev.fuse.wire.Attributes.Kind;
import mdev.fuse.wire.Dirents;

/**
 * An open directory. A position is the number of a returned entry, and reading at it returns the names after that
 * entry. An entry that exists during the whole iteration is therefore read exactly once, whatever else is added or
 * removed meanwhile.
 */
final class OpenDirectory {
    /** {@code .} and {@code ..} precede the entries. */
    private static final int DOTS = 2;

    private final Node node;
    private final List<String> names = new ArrayList<>();

    OpenDirectory(Node node) {
        this.node = node;
    }

    void read(SysfsDirectory root, long offset, Dirents out) {
        // A position that was never returned means the end of the returned entries.
        int position = (int) Math.min(offset, names.size() + DOTS);
        if (position == 0) {
            names.clear(); // rewinddir(3)
        }
        Node parent = node.parent() == null ? node : node.parent();
        boolean room = (position > 0 || out.add(node.ino(), 1, Kind.DIRECTORY, "."))
                && (position > 1 || out.add(parent.ino(), DOTS, Kind.DIRECTORY, ".."));
        if (!room || !(node.in(root) instanceof SysfsDirectory directory)) {
            return;
        }
        int next = Math.max(position - DOTS, 0);
        names.subList(next, names.size()).clear(); // seekdir(3)
        String after = next == 0 ? "" : names.get(next - 1);
        for (SysfsNode entry : directory.children(after, (int) (out.room() / Dirents.SHORTEST))) {
            if (!out.add(entry.ino(), names.size() + DOTS + 1L, Node.kind(entry), entry.name())) {
                return;
            }
            names.add(entry.name());
        }
    }
}
