package mdev.fuse.session;

import java.util.ArrayList;
import java.util.List;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsNode;
import mdev.fuse.wire.Attributes.Kind;
import mdev.fuse.wire.Dirents;

/**
 * A directory that is being read. A position is the number of an entry that was handed out, and what is read there are
 * the names after that entry's: so whatever comes and goes meanwhile, an entry that is there all the while is read
 * exactly once.
 */
final class OpenDirectory {
    /** {@code .} and {@code ..} come before the entries. */
    private static final int DOTS = 2;

    private final Node node;
    private final List<String> names = new ArrayList<>();

    OpenDirectory(Node node) {
        this.node = node;
    }

    void read(SysfsDirectory root, long offset, Dirents out) {
        // A position that was never handed out is the end of what was.
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
