package vfio.user.trace;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import mdev.api.errno.Errno;
import org.jspecify.annotations.Nullable;
import vfio.user.wire.Command;

/**
 * Counts events of a device since it is served. The connection's thread (only one at a time) counts without atomic
 * read-modify-write operations, because no other thread writes its counters.
 */
public final class MessageCounters {
    private static final int CONNECTIONS = 0;
    private static final int MESSAGES = 1;
    private static final int READS = 2;
    private static final int READ_BYTES = 3;
    private static final int WRITES = 4;
    private static final int WRITE_BYTES = 5;
    private static final int POSTED_WRITES = 6;
    private static final String[] NAMES = {
        "connections", "messages", "reads", "read_bytes", "writes", "write_bytes", "posted_writes"
    };

    /** Written by the one thread that serves the device. */
    private final AtomicLongArray own = new AtomicLongArray(NAMES.length);

    private final AtomicLong interrupts = new AtomicLong();
    private final LongAdder dmaReadBytes = new LongAdder();
    private final LongAdder dmaWriteBytes = new LongAdder();
    private final Map<Errno, LongAdder> errors = new ConcurrentHashMap<>();

    private void add(int counter, long more) {
        own.setOpaque(counter, own.getPlain(counter) + more);
    }

    /** Called by the device's connection, as are the next three. */
    public void connected() {
        add(CONNECTIONS, 1);
    }

    public void message() {
        add(MESSAGES, 1);
    }

    public void read(int bytes) {
        add(READS, 1);
        add(READ_BYTES, bytes);
    }

    public void write(int bytes, boolean posted) {
        add(WRITES, 1);
        add(WRITE_BYTES, bytes);
        if (posted) {
            add(POSTED_WRITES, 1);
        }
    }

    /** Called by any thread, as are the following methods. */
    public void interrupt() {
        interrupts.getAndIncrement();
    }

    /** Counts DMA by message; a vendor's accesses to mapped memory are not visible here. */
    public void dma(Command command, int bytes) {
        (command == Command.DMA_READ ? dmaReadBytes : dmaWriteBytes).add(bytes);
    }

    public void error(Errno errno) {
        errors.computeIfAbsent(errno, _ -> new LongAdder()).increment();
    }

    /** Whether a client has ever connected. */
    public boolean isUsed() {
        return own.getOpaque(CONNECTIONS) > 0;
    }

    /** The current values for listings. */
    public SequencedMap<String, @Nullable Object> snapshot() {
        SequencedMap<String, @Nullable Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < NAMES.length; i++) {
            fields.put(NAMES[i], own.getOpaque(i));
        }
        fields.put("interrupts", interrupts.get());
        fields.put("message_dma_read_bytes", dmaReadBytes.sum());
        fields.put("message_dma_write_bytes", dmaWriteBytes.sum());
        Map<String, Long> byErrno = new TreeMap<>();
        errors.forEach((errno, count) -> byErrno.put(errno.name(), count.sum()));
        fields.put("errors", byErrno);
        return fields;
    }
}
