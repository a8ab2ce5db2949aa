package mdev.tools.tty;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioDevice;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * A driver for one 16550A port, written to the National PC16550D data sheet: 115200 8N1 with FIFOs, all data by
 * interrupt. Thread-safe for readers and writers.
 */
public final class Serial8250 implements IntxService.Source, AutoCloseable {
    /**
     * The most bytes that one service reads, so that a device that always has data cannot block the thread
     * ({@code serial8250_rx_chars()}).
     */
    private static final int RX_BUDGET = 256;

    /** Receive and transmit buffer; the low divisor byte while DLAB is set. */
    private static final int RBR_THR = 0;

    private static final int IER = 1;
    private static final int IIR_FCR = 2;
    private static final int LCR = 3;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int MSR = 6;

    private static final int IER_RDI = 0x01;
    private static final int IER_THRI = 0x02;
    private static final int IER_RLSI = 0x04;
    private static final int IIR_NONE = 0x01;
    /** FIFOs enabled and cleared, trigger level 1: the first byte raises an interrupt, and the rest is read with it. */
    private static final int FCR_SETUP = 0x07;

    private static final int LCR_DLAB = 0x80;
    private static final int LCR_8N1 = 0x03;
    /** 1.8432 MHz / 16 / 115200. */
    private static final int DIVISOR = 1;

    private static final int MCR_DTR_RTS_OUT2 = 0x0b;
    private static final int LSR_DR = 0x01;
    private static final int LSR_THRE = 0x20;
    private static final int FIFO = 16;
    /** In {@link #received}: the end of the data. */
    private static final int END = -1;

    private final VfioDevice device;
    private final int region;
    private final BlockingQueue<Byte> sending = new ArrayBlockingQueue<>(4096);

    /** Its last slot is reserved for an {@link #END}, so a full queue contains one. */
    private final BlockingQueue<Integer> received = new ArrayBlockingQueue<>(1 << 16);

    private volatile @Nullable ErrnoException hungUp;

    /**
     * Guarded by this, as are the registers: the writer enables the transmit interrupt that the interrupt thread
     * disables.
     */
    private final MemorySegment register = MemorySegment.ofArray(new byte[1]);

    private int ier;

    /**
     * Sets the port up.
     *
     * @param region the port's I/O region
     * @param line the interrupt of the port's card
     * @throws ErrnoException the device does not respond
     */
    public Serial8250(VfioDevice device, int region, IntxService line) throws ErrnoException {
        this.device = device;
        this.region = region;
        setUp();
        line.add(this);
        enable(IER_RDI | IER_RLSI);
    }

    private synchronized void setUp() throws ErrnoException {
        out(IER, 0);
        out(LCR, LCR_DLAB | LCR_8N1);
        out(RBR_THR, DIVISOR);
        out(IER, DIVISOR >> 8);
        out(LCR, LCR_8N1);
        out(IIR_FCR, FCR_SETUP);
        out(MCR, MCR_DTR_RTS_OUT2);
        in(LSR); // clears stale state
        in(RBR_THR);
        in(MSR);
    }

    /**
     * Sends the bytes at the pace of the line; blocks while too many are queued.
     *
     * @throws ErrnoException the device is gone
     */
    public void write(byte[] bytes, int offset, int length) throws ErrnoException, InterruptedException {
        for (int i = offset; i < offset + length; i++) {
            checkLine();
            if (!sending.offer(bytes[i])) {
                enable(IER_THRI);
                sending.put(bytes[i]);
            }
        }
        enable(IER_THRI);
        checkLine();
    }

    private void checkLine() throws ErrnoException {
        ErrnoException reason = hungUp;
        if (reason != null) {
            throw reason;
        }
    }

    /** Waits for the next byte; -1 when the line is hung up. */
    public int read() throws InterruptedException {
        int next = received.take();
        if (next == END) {
            hangUp(); // for the next reader
        }
        return next;
    }

    /**
     * The next byte.
     *
     * @throws ErrnoException ETIMEDOUT: no byte arrived; otherwise the reason for the hang-up
     */
    public int read(Deadline deadline) throws ErrnoException, InterruptedException {
        Integer next = received.poll(deadline.remainingNanos(), TimeUnit.NANOSECONDS);
        if (next == null) {
            throw new ErrnoException(Errno.ETIMEDOUT, "the port received nothing");
        }
        if (next == END) {
            hangUp();
            checkLine();
        }
        return next;
    }

    /** Reads before it sends: in loopback, a full transmit FIFO is received at once, so the receiver must be empty. */
    @Override
    public synchronized boolean service() throws ErrnoException {
        if ((in(IIR_FCR) & IIR_NONE) != 0) {
            return false;
        }
        int status = in(LSR);
        for (int budget = RX_BUDGET; (status & LSR_DR) != 0 && budget > 0; budget--) {
            int next = in(RBR_THR);
            if (received.remainingCapacity() > 1) { // an overrun loses bytes, as in any tty
                received.add(next);
            }
            status = in(LSR);
        }
        if ((status & LSR_THRE) != 0 && (ier & IER_THRI) != 0) {
            transmit();
        }
        in(MSR);
        return true;
    }

    private void transmit() throws ErrnoException {
        for (int i = 0; i < FIFO; i++) {
            Byte next = sending.poll();
            if (next == null) {
                ier &= ~IER_THRI;
                out(IER, ier);
                return;
            }
            out(RBR_THR, next);
        }
    }

    private synchronized void enable(int interrupts) throws ErrnoException {
        if ((ier & interrupts) != interrupts) {
            ier |= interrupts;
            out(IER, ier);
        }
    }

    private int in(int at) throws ErrnoException {
        device.read(region, at, register, 0, 1);
        return register.get(ValueLayout.JAVA_BYTE, 0) & 0xff;
    }

    private void out(int at, int value) throws ErrnoException {
        register.set(ValueLayout.JAVA_BYTE, 0, (byte) value);
        device.write(region, at, register, 0, 1);
    }

    @Override
    public void hangUp(ErrnoException reason) {
        hungUp = reason;
        hangUp();
    }

    private void hangUp() {
        sending.clear(); // releases a waiting writer, which then reports the reason
        received.offer(END); // after the received bytes; if the queue is full, it contains one already
    }

    /** Stops the port's interrupts and hangs up. */
    @Override
    public void close() {
        hangUp(new ErrnoException(Errno.EBADF, "the port is closed"));
        try {
            synchronized (this) {
                out(IER, 0);
                out(MCR, 0);
            }
        } catch (ErrnoException e) {
            // The device is gone.
        }
    }
}
