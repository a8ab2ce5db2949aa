package mdev.core.sysfs;

import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.SysfsFile;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An attribute file in the tree ({@code fs/sysfs/file.c}, {@code fs/kernfs/file.c}). */
final class AttributeFile extends TreeNode implements SysfsFile {
    private static final Logger log = LoggerFactory.getLogger(AttributeFile.class);

    private final Attribute.@Nullable Show show;
    private final @Nullable RequestedStore store;

    AttributeFile(Directory holder, long ino, Attribute attribute) {
        super(holder, attribute.name(), attribute.mode() & 0777, ino);
        this.show = attribute.show();
        Attribute.Store taker = attribute.store();
        this.store = taker == null ? null : (value, _) -> taker.store(value);
    }

    /** A file of mode 0200. */
    AttributeFile(Directory holder, long ino, String name, RequestedStore store) {
        super(holder, name, 0200, ino);
        this.show = null;
        this.store = store;
    }

    @Override
    public byte[] read() throws ErrnoException {
        open(0444);
        if (show == null) {
            throw new ErrnoException(Errno.EIO, path() + " has no show function");
        }
        byte[] content;
        try {
            content = show.show().getBytes(StandardCharsets.UTF_8);
        } catch (RuntimeException e) {
            throw failed(e);
        }
        if (content.length > SIZE) {
            throw new ErrnoException(
                    Errno.EIO, path() + ": its owner shows " + content.length + " bytes, more than " + SIZE);
        }
        return content;
    }

    @Override
    public int write(byte[] data, Supplier<String> requester) throws ErrnoException {
        open(0222);
        if (data.length == 0) {
            return 0;
        }
        if (store == null) {
            throw new ErrnoException(Errno.EIO, path() + " has no store function");
        }
        int taken = Math.min(data.length, SIZE);
        try {
            store.store(new String(data, 0, taken, StandardCharsets.ISO_8859_1), requester);
        } catch (RuntimeException e) {
            throw failed(e);
        }
        holder().tree().notifyListeners(this);
        return taken;
    }

    private void open(int bits) throws ErrnoException {
        if ((mode() & bits) == 0) {
            throw new ErrnoException(Errno.EACCES, path() + " cannot be " + ((bits & 0444) == 0 ? "written" : "read"));
        }
        if (!exists()) {
            throw new ErrnoException(Errno.ENODEV, path() + " has been removed");
        }
    }

    private ErrnoException failed(RuntimeException e) {
        log.error("{} failed", path(), e);
        return new ErrnoException(Errno.EIO, path() + " failed: " + e);
    }
}
