package vfio.mdev.device;

import java.util.concurrent.atomic.LongAdder;

/** What a device's vendor has moved by DMA calls since the device was created; what it does to pages and ranges that it holds nobody sees. */
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
