package vfio.user.session;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioDevice;
import mdev.linux.Fd;
import vfio.user.trace.MessageCounters;
import vfio.user.wire.Message;

/**
 * REGION_READ, REGION_WRITE and REGION_WRITE_MULTI: offset, region, count, data. The vendor reads directly from the
 * message and writes directly to the answer; nothing is allocated.
 */
final class RegionAccess {
    private static final int HEAD = 16;

    /** An entry of REGION_WRITE_MULTI: the head of a write, and room for 8 bytes. */
    private static final int ENTRY = HEAD + Long.BYTES;

    private final VfioFiles open;
    private final VfioDevice device;
    private final MessageCounters counters;

    RegionAccess(VfioFiles open, MessageCounters counters) {
        this.open = open;
        this.device = open.device();
        this.counters = counters;
    }

    int read(Message request, List<Fd> fds, Message reply) throws ErrnoException {
        check(request.payload() == HEAD && fds.isEmpty(), "REGION_READ: wrong length, or with descriptors");
        int count = count(request, 0, Message.MAX_DATA);
        device.read(request.u32(8), request.u64(0), reply.buffer(), reply.position(HEAD), count);
        reply.copy(request, HEAD);
        counters.read(count);
        return HEAD + count;
    }

    int write(Message request, List<Fd> fds, Message reply) throws ErrnoException {
        check(request.payload() >= HEAD && fds.isEmpty(), "REGION_WRITE: too short, or with descriptors");
        int count = count(request, 0, Message.MAX_DATA);
        check(request.payload() == HEAD + count, "REGION_WRITE: the data do not match the count");
        write(request, 0, count);
        reply.copy(request, HEAD);
        return HEAD;
    }

    /** Executes the writes in order, up to the first failure. */
    int writeMulti(Message request, List<Fd> fds, Message reply) throws ErrnoException {
        check(request.payload() >= Long.BYTES && fds.isEmpty(), "REGION_WRITE_MULTI: too short, or with descriptors");
        long writes = request.u64(0);
        check(
                writes >= 0 && writes <= Message.MAX_DATA / ENTRY && request.payload() == Long.BYTES + writes * ENTRY,
                "REGION_WRITE_MULTI: the writes do not match the count");
        for (int i = 0; i < writes; i++) {
            count(request, Long.BYTES + i * ENTRY, Long.BYTES);
        }
        for (int i = 0; i < writes; i++) {
            int at = Long.BYTES + i * ENTRY;
            write(request, at, request.u32(at + 12));
        }
        reply.u64(0, writes);
        return Long.BYTES;
    }

    private void write(Message request, int at, int count) throws ErrnoException {
        device.write(request.u32(at + 8), request.u64(at), request.buffer(), request.position(at + HEAD), count);
        counters.write(count, !request.wantsReply());
    }

    /** The byte count of an access, checked to lie within its region. */
    private int count(Message request, int at, int most) throws ErrnoException {
        long offset = request.u64(at);
        int count = request.u32(at + 12);
        check(count >= 0 && count <= most, "the access is too large");
        long size = open.region(request.u32(at + 8)).size();
        check(offset >= 0 && offset <= size - count, "the access exceeds its region");
        return count;
    }

    private static void check(boolean right, String reason) throws ErrnoException {
        if (!right) {
            throw new ErrnoException(Errno.EINVAL, reason);
        }
    }
}
