package mdev.api.sysfs;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** An attribute file. Its size is always reported as 4096, as in sysfs; what is read may be shorter. */
@ProviderType
public non-sealed interface SysfsFile extends SysfsNode {
    /** The size that sysfs reports for every attribute: one page. */
    int SIZE = 4096;

    /**
     * The whole content, made now.
     *
     * @throws ErrnoException EACCES where the mode forbids reading (open(2)'s answer, for root too); ENODEV when
     *     the entry is gone; EIO when the attribute has nothing to show or its owner failed; else the owner's errno
     */
    byte[] read() throws ErrnoException;

    /**
     * Hands one write(2) to the attribute.
     *
     * @return the number of bytes taken: all of them (0 for an empty write, which the owner never sees)
     * @throws ErrnoException EACCES where the mode forbids writing; ENODEV when the entry is gone; EINVAL for more
     *     than 4096 bytes; EIO when the attribute takes nothing or its owner failed; else the owner's errno
     */
    int write(byte[] data) throws ErrnoException;
}
