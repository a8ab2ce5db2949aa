package mdev.fuse.session;

import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import mdev.fuse.wire.Reply;

/** One read(2) of an attribute. */
record Show(OpenFile open, SysfsFile file, long offset, int size) implements Calls.Work {
    @Override
    public void run(Reply reply) throws ErrnoException {
        reply.bytes(open.read(file, offset, size));
    }
}
