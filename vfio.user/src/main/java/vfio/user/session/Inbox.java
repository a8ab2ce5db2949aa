package vfio.user.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.UnixSocket;
import org.jspecify.annotations.Nullable;
import vfio.user.wire.Command;
import vfio.user.wire.Message;
import vfio.user.wire.SetIrqsRequest;

/**
 * Received messages in order, with their descriptors. One system call receives header and body, and further available
 * messages. Used by the connection's thread.
 */
final class Inbox implements AutoCloseable {
    /** Space beyond the largest message, so that a partly received message seldom has to be moved. */
    private static final int ROOM = 64 << 10;

    private static final int CAPACITY = Message.MAX_SIZE + ROOM;

    private final UnixSocket socket;
    private final Spinning spinning;
    private final Quarantine quarantine;
    private final MemorySegment buffer;
    private final Message current;
    private final Message scan;

    /** The received but unhandled bytes; begins at a message boundary. */
    private long begin;

    private long end;

    /** The number of outstanding bytes of a message that was rejected for its size. */
    private long skip;

    /** Received descriptors with the position of their message. */
    private final Deque<Batch> batches = new ArrayDeque<>();

    /**
     * The descriptors of a message.
     *
     * @param at the position of the message
     * @param lost whether there were more than this process can hold; all of them are then closed
     * @param foreign the path of a file among them that a process or another machine serves; all of them are then
     *     closed
     */
    record Batch(
            long at, List<Fd> fds, boolean lost, @Nullable String foreign) {
        private static final Batch NONE = new Batch(-1, List.of(), false, null);

        Batch movedBy(long distance) {
            return new Batch(at - distance, fds, lost, foreign);
        }
    }

    /** The result of {@link #next}. */
    enum Found {
        NOTHING,
        MESSAGE,
        /** A header with an invalid size, after which no message can follow. */
        BAD_SIZE
    }

    /** @throws LinuxException ENOMEM */
    Inbox(UnixSocket socket, Arena arena, Spinning spinning, Quarantine quarantine) throws LinuxException {
        this.socket = socket;
        this.spinning = spinning;
        this.quarantine = quarantine;
        this.buffer = Mapping.anonymous(CAPACITY, arena); // most clients use a page or two
        this.current = new Message(buffer);
        this.scan = new Message(buffer);
    }

    /** The message found by {@link #next}; valid until the next call. */
    Message message() {
        return current;
    }

    /** Finds the next message; {@link Found#NOTHING} means that more must be received first. */
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

    /** Whether the found message is followed by a region access that has been received as well. */
    boolean precedesAccess() {
        long at = begin + current.size();
        if (end - at < Message.HEADER) {
            return false;
        }
        scan.moveTo(at);
        Command command = Command.of(scan.commandNumber());
        return end - at >= scan.size()
                && scan.isCommand()
                && (command == Command.REGION_READ || command == Command.REGION_WRITE);
    }

    /** The descriptors of the found message; the caller owns them. */
    Batch takeFds() {
        Batch first = batches.peek();
        return first == null || first.at != begin ? Batch.NONE : batches.remove();
    }

    /** Called when the message has been handled. */
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

    /** Drops the received part of a message that is too large. */
    private void drop() {
        long dropped = Math.min(skip, end - begin);
        begin += dropped;
        skip -= dropped;
    }

    /**
     * Receives more.
     *
     * @return false at the end of the stream, or on the socket's receive timeout
     */
    boolean receive() throws LinuxException {
        if (CAPACITY - end < ROOM / 2) {
            compact();
        }
        long n = spinning.receive(socket, buffer, end, CAPACITY - end);
        if (n <= 0) {
            return false;
        }
        long from = end;
        end += n;
        List<Fd> fds = socket.takeFds();
        if (!fds.isEmpty() || socket.fdsLost()) {
            boolean lost = socket.fdsLost();
            String foreign = foreign(fds);
            if (foreign != null) {
                quarantine.close(fds);
                fds = List.of();
            }
            attach(fds, lost, foreign, from);
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

    /** Determined before any other call for the file, which might wait forever. */
    private static @Nullable String foreign(List<Fd> fds) {
        for (Fd fd : fds) {
            try {
                if (fd.isServedElsewhere()) {
                    return fd.path();
                }
            } catch (LinuxException e) { // the file's server cannot be determined
                return fd.path() + " (" + e.getMessage() + ")";
            }
        }
        return null;
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
     * Assigns descriptors to a message that can take them, among those that begin in the bytes just received. A read
     * ends with the bytes of the send that carried the descriptors, but may begin with earlier bytes. So if several
     * messages can take them, the last one gets them: clients send each such message with a separate call. If none
     * can, the last message gets them and is rejected. Descriptors in the middle of a message are closed.
     */
    private void attach(List<Fd> fds, boolean lost, @Nullable String foreign, long from) {
        long last = -1;
        long taker = -1;
        for (long at = begin + skip; at < end; ) {
            if (at >= from) {
                last = at;
                taker = canTake(at, fds.size(), lost || foreign != null) ? at : taker;
            }
            if (at + Message.HEADER > end) {
                break;
            }
            scan.moveTo(at);
            at += Math.max(Message.HEADER, scan.size());
        }
        if (last < 0) {
            fds.forEach(Fd::close);
        } else {
            batches.add(new Batch(taker < 0 ? last : taker, fds, lost, foreign));
        }
    }

    /** Whether a message can take this number of descriptors, judged by the part received so far. */
    private boolean canTake(long at, int count, boolean any) {
        if (at + Message.HEADER > end) {
            return true;
        }
        scan.moveTo(at);
        Command command = Command.of(scan.commandNumber());
        if (!scan.isCommand() || (command != Command.DMA_MAP && command != Command.DEVICE_SET_IRQS)) {
            return false;
        }
        if (any) {
            return true;
        }
        return command == Command.DMA_MAP ? count == 1 : canTakeEventfds(at, count);
    }

    private boolean canTakeEventfds(long at, int count) {
        boolean whole = at + Message.HEADER + SetIrqsRequest.BYTES <= end;
        return !whole || SetIrqsRequest.eventfds(scan) == count;
    }

    /** Closes the descriptors of unhandled messages. */
    @Override
    public void close() {
        batches.forEach(batch -> batch.fds.forEach(Fd::close));
        batches.clear();
    }
}
