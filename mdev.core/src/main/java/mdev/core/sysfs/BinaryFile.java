package mdev.core.sysfs;

import java.util.function.Supplier;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;

/** A read-only file of bytes ({@code struct bin_attribute}). */
final class BinaryFile extends TreeNode implements SysfsFile {
    private final Supplier<byte[]> content;

    BinaryFile(Directory holder, long ino, String name, Supplier<byte[]> content) {
        super(holder, name, 0444, ino);
        this.content = content;
    }

    @Override
    public byte[] read() throws ErrnoException {
        if (!exists()) {
            throw new ErrnoException(Errno.ENODEV, path() + " has been removed");
        }
        return content.get();
    }

    @Override
    public int write(byte[] data, Supplier<String> requester) throws ErrnoException {
        throw new ErrnoException(Errno.EACCES, path() + " cannot be written");
    }
}
