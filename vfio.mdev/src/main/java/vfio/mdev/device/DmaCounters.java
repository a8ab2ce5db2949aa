package vfio.mdev.device;

import java.util.concurrent.atomic.LongAdder;

/**
 * Counts the data that a device's vendor has moved by DMA calls since the device was created; direct accesses to pinned
 * pages and mapped ranges cannot be counted.
 */
public final class DmaCounters {
    private final LongAdder readBytes = new LongAdder();
    private final LongAdder writtenBytes = new LongAdder();

    void read(long bytes) {
        readBytes.add(bytes);
    }

    void written(long bytes) {
        writtenBytes.add(bytes);
    }

    public long readBytes() {
        return readBytes.sum();
    }

    public long writtenBytes() {
        return writtenBytes.sum();
    }
}
