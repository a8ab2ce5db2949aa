package vfio.user.session;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.RemoteAccess;
import mdev.sync.Deadline;
import vfio.user.trace.MessageCounters;
import vfio.user.trace.TraceSwitch;
import vfio.user.wire.Command;
import vfio.user.wire.Dialect;
import vfio.user.wire.DmaMessage;

/** Memory that a client has mapped without a file, accessed by messages of the size that the client accepts. */
final class MessageDma implements RemoteAccess {
    /**
     * A message of this size fits into the socket buffer, so that sending it does not hold the send lock of a slow
     * client indefinitely.
     */
    private static final int LARGEST = 1 << 16;

    /** The minimum speed of memory accessed by messages: 1 MB/s. */
    private static final long NANOS_PER_BYTE = 1000;

    private final DmaChannel channel;
    private final Dialect dialect;
    private final int largest;
    private final Duration answer;
    private final MessageCounters counters;
    private final TraceSwitch trace;

    /** @param largest the maximum data size of a message that the client accepts */
    MessageDma(DmaChannel channel, Dialect dialect, long largest, ServedDevice served) {
        this.channel = channel;
        this.dialect = dialect;
        this.largest = (int) Math.min(largest, LARGEST);
        this.answer = served.answer();
        this.counters = served.counters();
        this.trace = served.trace();
    }

    @Override
    public void read(long address, MemorySegment data, long offset, long length) throws ErrnoException {
        Deadline deadline = deadline(length);
        for (long done = 0; done < length; ) {
            MemorySegment bytes = MemorySegment.ofArray(new byte[(int) Math.min(length - done, largest)]);
            exchange(Command.DMA_READ, address + done, bytes, deadline);
            MemorySegment.copy(bytes, 0, data, offset + done, bytes.byteSize());
            done += bytes.byteSize();
        }
    }

    @Override
    public void write(long address, MemorySegment data, long offset, long length) throws ErrnoException {
        Deadline deadline = deadline(length);
        for (long done = 0; done < length; ) {
            MemorySegment bytes = MemorySegment.ofArray(new byte[(int) Math.min(length - done, largest)]);
            MemorySegment.copy(data, offset + done, bytes, 0, bytes.byteSize());
            exchange(Command.DMA_WRITE, address + done, bytes, deadline);
            done += bytes.byteSize();
        }
    }

    /** The deadline of a whole access, independent of the number of messages. */
    private Deadline deadline(long length) {
        return Deadline.in(answer.plusNanos(length * NANOS_PER_BYTE));
    }

    private void exchange(Command command, long address, MemorySegment bytes, Deadline deadline) throws ErrnoException {
        long begun = trace.begin();
        try {
            channel.exchange(new DmaMessage(dialect, command, address, bytes), deadline.atMost(answer));
            counters.dma(command, (int) bytes.byteSize());
            trace.dma(begun, command, address, (int) bytes.byteSize(), null);
        } catch (ErrnoException e) {
            counters.error(e.errno());
            trace.dma(begun, command, address, (int) bytes.byteSize(), e);
            throw e;
        }
    }
}
