package mdev.fuse.session;

import java.util.Arrays;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import org.jspecify.annotations.Nullable;

/** An open attribute ({@code struct kernfs_open_file}). Any thread. */
final class OpenFile {
    private final Node node;

    /** What the last read at the beginning showed: reads further on get the rest of that, as from a {@code seq_file}. */
    private volatile byte @Nullable [] shown;

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

    /** The bytes from the offset on; fewer than asked for at the end. */
    byte[] read(SysfsFile file, long offset, int size) throws ErrnoException {
        byte[] content = shown;
        if (offset == 0 || content == null) {
            content = file.read();
            shown = content;
        }
        int from = (int) Math.min(offset, content.length);
        return Arrays.copyOfRange(content, from, (int) Math.min(from + (long) size, content.length));
    }
}
