package vfio.user.session;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.RemoteAccess;
import vfio.user.trace.Counters;
import vfio.user.trace.TraceSwitch;
import vfio.user.wire.Command;
import vfio.user.wire.Dialect;
import vfio.user.wire.DmaMessage;
import vfio.user.wire.Message;

/** Memory that a client has mapped without a file: read and written by messages to it, as large as it takes. */
final class MessageDma implements RemoteAccess {
    private final DmaChannel channel;
    private final Dialect dialect;
    private final int largest;
    private final Counters counters;
    private final TraceSwitch trace;

    /** @param largest how many bytes the client takes at once */
    MessageDma(DmaChannel channel, Dialect dialect, long largest, Counters counters, TraceSwitch trace) {
        this.channel = channel;
        this.dialect = dialect;
        this.largest = (int) Math.min(largest, Message.MAX_DATA);
        this.counters = counters;
        this.trace = trace;
    }

    @Override
    public void read(long address, MemorySegment data, long offset, long length) throws ErrnoException {
        for (long done = 0; done < length; ) {
            MemorySegment bytes = MemorySegment.ofArray(new byte[(int) Math.min(length - done, largest)]);
            exchange(Command.DMA_READ, address + done, bytes);
            MemorySegment.copy(bytes, 0, data, offset + done, bytes.byteSize());
            done += bytes.byteSize();
        }
    }

    @Override
    public void write(long address, MemorySegment data, long offset, long length) throws ErrnoException {
        for (long done = 0; done < length; ) {
            MemorySegment bytes = MemorySegment.ofArray(new byte[(int) Math.min(length - done, largest)]);
            MemorySegment.copy(data, offset + done, bytes, 0, bytes.byteSize());
            exchange(Command.DMA_WRITE, address + done, bytes);
            done += bytes.byteSize();
        }
    }

    private void exchange(Command command, long address, MemorySegment bytes) throws ErrnoException {
        long begun = trace.begin();
        try {
            channel.exchange(new DmaMessage(dialect, command, address, bytes));
            counters.dma(command, (int) bytes.byteSize());
            trace.dma(begun, command, address, (int) bytes.byteSize(), null);
        } catch (ErrnoException e) {
            counters.error(e.errno());
            trace.dma(begun, command, address, (int) bytes.byteSize(), e);
            throw e;
        }
    }
}
