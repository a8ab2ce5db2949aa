package mdev.fuse.session;

import java.util.Arrays;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import org.jspecify.annotations.Nullable;

/** An open attribute ({@code struct kernfs_open_file}). Any thread. */
final class OpenFile {
    private final Node node;

    /**
     * What the last read at the beginning showed: reads further on get the rest of that, as from a {@code seq_file}.
     */
    private volatile byte @Nullable [] shown;

    /**
     * As {@code kernfs_open_file.event} against {@code kernfs_open_node.event}: changed since it was last read, and to
     * begin with.
     */
    private volatile boolean changed = true;

    /** By what name the kernel wants to hear of a change; 0: it does not. */
    private volatile long pollHandle;

    OpenFile(Node node) {
        this.node = node;
    }

    Node node() {
        return node;
    }

    /** Whether a read has to ask the attribute, whose owner may take its time. */
    boolean needsShow(long offset) {
        return offset == 0 || shown == null;
    }

    /** From now on {@link #change} has to be told of. Pairs with the order there: one of the two sees the other. */
    void watch(long handle) {
        pollHandle = handle;
    }

    /** Its end has been told, or is answered. */
    void unwatch() {
        pollHandle = 0;
    }

    boolean isWatched() {
        return pollHandle != 0;
    }

    boolean hasChanged() {
        return changed;
    }

    /** @return by what name the kernel is to be told; 0: it need not be */
    long change() {
        changed = true;
        return pollHandle;
    }

    /** The bytes from the offset on; fewer than asked for at the end. */
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
