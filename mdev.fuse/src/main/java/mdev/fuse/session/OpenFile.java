package mdev.fuse.session;

import java.util.Arrays;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import org.jspecify.annotations.Nullable;

/** An open attribute ({@code struct kernfs_open_file}). Any thread. */
final class OpenFile {
    private final Node node;

    /**
     * The result of the last read at offset 0; reads at higher offsets return the rest of it, as for a
     * {@code seq_file}.
     */
    private volatile byte @Nullable [] shown;

    /**
     * As {@code kernfs_open_file.event} against {@code kernfs_open_node.event}: changed since the last read; initially
     * true.
     */
    private volatile boolean changed = true;

    /** The poll handle to notify on a change; 0 for none. */
    private volatile long pollHandle;

    OpenFile(Node node) {
        this.node = node;
    }

    Node node() {
        return node;
    }

    /** Whether a read must call the attribute's show, which may block. */
    boolean needsShow(long offset) {
        return offset == 0 || shown == null;
    }

    /** Starts reporting {@link #change}. Relies on the order of accesses there: one of the two sees the other. */
    void watch(long handle) {
        pollHandle = handle;
    }

    /** Called when the removal has been notified or is being answered. */
    void unwatch() {
        pollHandle = 0;
    }

    boolean isWatched() {
        return pollHandle != 0;
    }

    boolean hasChanged() {
        return changed;
    }

    /** @return the poll handle to notify; 0 for none */
    long change() {
        changed = true;
        return pollHandle;
    }

    /** The bytes from the offset on; fewer than requested at the end. */
    byte[] read(SysfsFile file, long offset, int size) throws ErrnoException {
        byte[] content = shown;
        if (offset == 0 || content == null) {
            changed = false;
            content = file.read();
            shown = content;
        }
        int from = (int) Math.min(offset, content.length);
        return Arrays.copyOfRange(content, from, (int) Math.min(from + (long) size, content.length));
    }
}
