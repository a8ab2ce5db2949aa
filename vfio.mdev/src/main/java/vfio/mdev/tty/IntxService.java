package vfio.mdev.tty;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;

/** The interrupt thread of a device: the line is one, so all ports of a card share it, as drivers share an IRQ. */
public final class IntxService implements AutoCloseable {
    /** What may have raised the line. Called on the interrupt thread. */
    public interface Source {
        /**
         * Serves the causes that there are.
         *
         * @return whether there was one
         * @throws ErrnoException the device does not answer any more
         */
        boolean service() throws ErrnoException;

        /** There will be no interrupt any more. */
        void hangUp(ErrnoException reason);
    }

    private final VfioDevice device;
    private final List<Source> sources = new CopyOnWriteArrayList<>();
    /** The trigger may not touch the device, so it only hands over. */
    private final Semaphore raised = new Semaphore(0);

    private final Thread thread;

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

            // Also when the device is cut off: the thread then finds out.
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
                boolean served;
                do {
                    served = false;
                    for (Source source : sources) {
                        served |= source.service();
                    }
                } while (served && !Thread.currentThread().isInterrupted()); // a broken device has always something
                // The signal has masked the line; if something came since, it is high and signals again here.
                device.ioctl(SetIrqs.unmask(VfioPci.INTX_IRQ, 0));
            }
        } catch (ErrnoException e) {
            sources.forEach(source -> source.hangUp(e));
        } catch (InterruptedException e) {
            // close()
        }
    }

    /** Disarms the line and ends the thread; the device stays open. */
    @Override
    public void close() {
        try {
            device.ioctl(SetIrqs.disarm(VfioPci.INTX_IRQ));
        } catch (ErrnoException e) {
            // The device is gone, and its triggers with it.
        }
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
