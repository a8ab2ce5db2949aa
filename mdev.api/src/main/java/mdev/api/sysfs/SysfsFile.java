package mdev.api.sysfs;

import java.util.function.Supplier;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** An attribute file. Its size is always reported as 4096, as in sysfs; the content may be shorter. */
@ProviderType
public non-sealed interface SysfsFile extends SysfsNode {
    /** The size that sysfs reports for every attribute: one page. */
    int SIZE = 4096;

    /**
     * Returns the whole content, produced by this call.
     *
     * @throws ErrnoException EACCES: the mode forbids reading (returned by open(2), for root too); ENODEV: the entry
     *     has been removed; EIO: the attribute has no {@code show()} or its owner failed; else the owner's errno
     */
    byte[] read() throws ErrnoException;

    /**
     * Passes one write(2) to the attribute: its first 4096 bytes.
     *
     * @param requester supplies the name of the caller for the log, e.g. {@code bash[4711]}; called on the caller's
     *     thread, and only if the name is logged
     * @return the number of bytes accepted: all, or 4096 if there are more, as in kernfs (0 for an empty write, which
     *     does not reach the owner)
     * @throws ErrnoException EACCES: the mode forbids writing; ENODEV: the entry has been removed; EIO: the attribute
     *     has no {@code store()} or its owner failed; else the owner's errno
     */
    int write(byte[] data, Supplier<String> requester) throws ErrnoException;

    /** As {@link #write(byte[], Supplier)}, for a requester without a name. */
    default int write(byte[] data) throws ErrnoException {
        return write(data, () -> "a bundle");
    }
}
