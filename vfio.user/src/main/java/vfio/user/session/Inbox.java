package vfio.user.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import vfio.user.wire.Message;

/**
 * What has been received: whole messages, in order, with their descriptors. One system call fetches header and body,
 * and whatever else was sent. For the connection's thread.
 */
final class Inbox implements AutoCloseable {
    /** Beyond the largest message, so that one that begins in the middle seldom has to be moved. */
    private static final int ROOM = 64 << 10;

    private static final int CAPACITY = Message.MAX_SIZE + ROOM;

    private final UnixSocket socket;
    private final int spins;
    private final MemorySegment buffer;
    private final Message current;
    private final Message scan;

    /** Received but not handled: from the beginning of a message. */
    private long begin;

    private long end;

    /** How many bytes to come belong to a message that is refused for its size. */
    private long skip;

    /** Descriptors that came, with the place of the message that brought them. */
    private final Deque<Batch> batches = new ArrayDeque<>();

    private record Batch(long at, List<Fd> fds) {
        Batch movedBy(long distance) {
            return new Batch(at - distance, fds);
        }
    }

    /** What {@link #next} found. */
    enum Found {
        NOTHING,
        MESSAGE,
        /** A header whose size is none: no message follows it. */
        BAD_SIZE
    }

    /** @param spins how often to look before waiting for the client */
    Inbox(UnixSocket socket, Arena arena, int spins) {
        this.socket = socket;
        this.spins = spins;
        this.buffer = arena.allocate(CAPACITY, Long.BYTES);
        this.current = new Message(buffer);
        this.scan = new Message(buffer);
    }

    /** The message that {@link #next} found, until it is called again. */
    Message message() {
        return current;
    }

    /** Looks at the next message; false for {@link Found#NOTHING} means that more must be received first. */
    Found next() {
        if (end - begin < Message.HEADER) {
            return Found.NOTHING;
        }
        current.moveTo(begin);
        long size = current.size();
        if (size < Message.HEADER || size > Message.MAX_SIZE) {
            return Found.BAD_SIZE;
        }
        return end - begin < size ? Found.NOTHING : Found.MESSAGE;
    }

    /** The descriptors of the message that was found, which the caller owns. */
    List<Fd> takeFds() {
        Batch first = batches.peek();
        return first == null || first.at != begin ? List.of() : batches.remove().fds;
    }

    /** The message is handled. */
    void done(Found found) {
        long size = current.size();
        if (found == Found.MESSAGE) {
            begin += size;
        } else {
            begin += Message.HEADER;
            skip = Math.max(0, size - Message.HEADER);
            drop();
        }
        if (begin == end) {
            begin = 0;
            end = 0;
        }
    }

    /** Forgets what was received of a message that is too large. */
    private void drop() {
        long dropped = Math.min(skip, end - begin);
        begin += dropped;
        skip -= dropped;
    }

    /**
     * Receives more.
     *
     * @return false at the end of the stream, or when nothing came in the time that the socket has for it
     */
    boolean receive() throws LinuxException {
        if (CAPACITY - end < ROOM / 2) {
            compact();
        }
        long n = socket.receive(buffer, end, CAPACITY - end, spins);
        if (n <= 0) {
            return false;
        }
        long from = end;
        end += n;
        List<Fd> fds = socket.takeFds();
        if (!fds.isEmpty()) {
            attach(fds, from);
        }
        if (skip > 0) {
            drop();
            if (begin == end) {
                begin = 0;
                end = 0;
            }
        }
        return true;
    }

    private void compact() {
        MemorySegment.copy(buffer, begin, buffer, 0, end - begin);
        List<Batch> moved = batches.stream().map(batch -> batch.movedBy(begin)).toList();
        batches.clear();
        batches.addAll(moved);
        end -= begin;
        begin = 0;
    }

    /**
     * They belong to the last message that begins in what was just received; descriptors in the middle of a message
     * belong to nobody.
     */
    private void attach(List<Fd> fds, long from) {
        long last = begin + skip;
        while (last + Message.HEADER <= end) {
            scan.moveTo(last);
            long size = scan.size();
            long next = last + (size < Message.HEADER ? Message.HEADER : size);
            if (next >= end) {
                break;
            }
            last = next;
        }
        if (last < from || last >= end) {
            fds.forEach(Fd::close);
        } else {
            batches.add(new Batch(last, fds));
        }
    }

    /** Closes the descriptors that came with messages nobody will handle. */
    @Override
    public void close() {
        batches.forEach(batch -> batch.fds.forEach(Fd::close));
        batches.clear();
    }
}
