package vendor.mtty;

import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/** The free ports of the parent. */
final class PortPool {
    private final int total;

    /** Never negative: concurrent creates cannot take more ports than exist. */
    private final AtomicInteger free;

    PortPool(int total) {
        this.total = total;
        this.free = new AtomicInteger(total);
    }

    int free() {
        return free.get();
    }

    /**
     * Takes ports. Pairs with {@link #give}.
     *
     * @throws ErrnoException ENOSPC: not enough free ports
     */
    void take(int ports) throws ErrnoException {
        int before = free.getAndUpdate(now -> now < ports ? now : now - ports);
        if (before < ports) {
            throw new ErrnoException(
                    Errno.ENOSPC, "%d of %d ports are free, %d are needed".formatted(before, total, ports));
        }
    }

    void give(int ports) {
        free.addAndGet(ports);
    }
}
