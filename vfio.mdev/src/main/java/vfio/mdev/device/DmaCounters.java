package vfio.mdev.device;

import java.util.concurrent.atomic.LongAdder;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaObserver;
import org.jspecify.annotations.Nullable;

/**
 * Counts the data that a device's vendor has moved by DMA calls since the device was created; direct accesses to pinned
 * pages and mapped ranges cannot be counted.
 */
public final class DmaCounters {
    private final LongAdder readBytes = new LongAdder();
    private final LongAdder writtenBytes = new LongAdder();

    private volatile @Nullable Observed observed;

    private record Observed(Object by, DmaObserver observer) {}

    /** @param by the owner of the observer; pairs with {@link #forget} */
    synchronized void observe(Object by, DmaObserver observer) {
        observed = new Observed(by, observer);
    }

    synchronized void forget(Object by) {
        Observed now = observed;
        if (now != null && now.by.equals(by)) {
            observed = null;
        }
    }

    void read(long iova, long bytes) {
        readBytes.add(bytes);
        called("dmaRead", iova, bytes, null);
    }

    void written(long iova, long bytes) {
        writtenBytes.add(bytes);
        called("dmaWrite", iova, bytes, null);
    }

    void called(String call, long iova, long length, @Nullable ErrnoException failure) {
        Observed now = observed;
        if (now != null) {
            now.observer.called(call, iova, length, failure);
        }
    }

    public long readBytes() {
        return readBytes.sum();
    }

    public long writtenBytes() {
        return writtenBytes.sum();
    }
}
