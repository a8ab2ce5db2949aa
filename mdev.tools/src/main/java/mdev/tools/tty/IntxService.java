package mdev.tools.tty;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The interrupt thread of a device. A device has one INTx line, so all ports of a card share it, as drivers share an
 * IRQ.
 */
public final class IntxService implements AutoCloseable {
    /** A possible source of the interrupt. Called on the interrupt thread. */
    public interface Source {
        /**
         * Serves all pending causes.
         *
         * @return whether there was one
         * @throws ErrnoException the device no longer responds
         */
        boolean service() throws ErrnoException;

        /** Called when no more interrupts will be delivered. */
        void hangUp(ErrnoException reason);
    }

    private static final Logger LOG = LoggerFactory.getLogger(IntxService.class);
    private static final Duration CLOSING = Duration.ofSeconds(10);

    private final VfioDevice device;
    private final List<Source> sources = new CopyOnWriteArrayList<>();
    /** The trigger must not access the device, so it only releases this semaphore. */
    private final Semaphore raised = new Semaphore(0);

    private final Thread thread;

    /** Guarded by this. */
    private int served;

    /**
     * Arms the line.
     *
     * @throws ErrnoException the device has no INTx, or is gone
     */
    public IntxService(VfioDevice device) throws ErrnoException {
        this.device = device;
        this.thread = Thread.ofPlatform().daemon().name("intx-" + device.name()).unstarted(this::run);
        device.ioctl(SetIrqs.arm(VfioPci.INTX_IRQ, 0, new IrqTrigger() {
            @Override
            public void signal() {
                raised.release();
            }

            // Also called when the device is revoked: the thread then detects it.
            @Override
            public void close() {
                raised.release();
            }
        }));
        thread.start();
    }

    public void add(Source source) {
        sources.add(source);
    }

    private void run() {
        try {
            while (true) {
                raised.acquire();
                boolean found;
                do {
                    found = false;
                    for (Source source : sources) {
                        found |= source.service();
                    }
                } while (found && !Thread.currentThread().isInterrupted()); // a broken device always reports a cause
                // The signal masked the line. If a new cause has raised it since, it signals again here.
                device.ioctl(SetIrqs.unmask(VfioPci.INTX_IRQ, 0));
                synchronized (this) {
                    served++;
                    notifyAll();
                }
            }
        } catch (ErrnoException e) {
            sources.forEach(source -> source.hangUp(e));
        } catch (InterruptedException e) {
            // close()
        }
    }

    /**
     * Waits until that many interrupts have been served.
     *
     * @return the number served
     */
    public synchronized int awaitServed(int count, Deadline deadline) {
        while (served < count && deadline.waitOn(this)) {}
        return served;
    }

    /** Disarms the line and ends the thread, unless a call of the device hangs; the device stays open. */
    @Override
    public void close() {
        try {
            device.ioctl(SetIrqs.disarm(VfioPci.INTX_IRQ));
        } catch (ErrnoException e) {
            // The device was removed together with its triggers.
        }
        thread.interrupt();
        if (!Deadline.in(CLOSING).join(thread)) {
            LOG.warn("{} does not end", thread.getName(), BoundedCalls.stackOf(thread));
        }
    }
}
