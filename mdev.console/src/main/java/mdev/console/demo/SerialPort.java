package mdev.console.demo;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioPci;
import mdev.console.demo.Transcript.Failure;

/**
 * One 16550A of the card, driven as a guest's driver would: 115200 8N1, FIFOs on, received data read when the interrupt says so. Register names as in National's PC16550D data
 * sheet.
 */
final class SerialPort implements AutoCloseable {
    private static final int RBR_THR = 0;
    private static final int IER = 1;
    private static final int IIR_FCR = 2;
    private static final int LCR = 3;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int MSR = 6;

    private static final int LCR_DLAB = 0x80;
    private static final int LCR_8N1 = 0x03;
    private static final int FCR_ENABLE_AND_CLEAR = 0x07;
    private static final int MCR_DTR_RTS_OUT2 = 0x0b;
    private static final int IER_RECEIVED_DATA = 0x01;
    private static final int IIR_NONE = 0x01;
    private static final int LSR_DATA_READY = 0x01;

    private static final int FIFO = 16;
    private static final long INTERRUPT_SECONDS = 10;

    private final OpenDevice device;
    private final int region;
    private final Semaphore interrupts = new Semaphore(0);
    private int interruptsTaken;

    /** @param number of the port; it is behind the BAR of that number */
    SerialPort(OpenDevice device, int number) throws ErrnoException {
        this.device = device;
        this.region = VfioPci.BAR0_REGION + number;
        write(LCR, LCR_DLAB);
        write(RBR_THR, 1);
        write(IER, 0);
        write(LCR, LCR_8N1);
        write(IIR_FCR, FCR_ENABLE_AND_CLEAR);
        write(MCR, MCR_DTR_RTS_OUT2);
        device.ioctl(SetIrqs.arm(VfioPci.INTX_IRQ, 0, interrupts::release));
        write(IER, IER_RECEIVED_DATA);
    }

    /** Sends a line and returns what comes back, a FIFO's worth at a time. */
    String exchange(String line) throws ErrnoException, InterruptedException, Failure {
        byte[] bytes = line.getBytes(StandardCharsets.US_ASCII);
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        for (int sent = 0; sent < bytes.length; sent += FIFO) {
            int end = Math.min(sent + FIFO, bytes.length);
            for (int i = sent; i < end; i++) {
                write(RBR_THR, bytes[i]);
            }
            while (received.size() < end) {
                if (!interrupts.tryAcquire(INTERRUPT_SECONDS, TimeUnit.SECONDS)) {
                    throw new Failure("no interrupt came, after " + received.size() + " of " + bytes.length + " bytes");
                }
                interruptsTaken++;
                service(received);
            }
        }
        return received.toString(StandardCharsets.US_ASCII);
    }

    int interruptsTaken() {
        return interruptsTaken;
    }

    /** The interrupt handler: until no cause is left, then the masked line is let through again. */
    private void service(ByteArrayOutputStream received) throws ErrnoException {
        while ((read(IIR_FCR) & IIR_NONE) == 0) {
            while ((read(LSR) & LSR_DATA_READY) != 0) {
                received.write(read(RBR_THR));
            }
            read(MSR);
        }
        device.ioctl(SetIrqs.unmask(VfioPci.INTX_IRQ, 0));
    }

    private int read(int register) throws ErrnoException {
        return device.read8(region, register);
    }

    private void write(int register, int value) throws ErrnoException {
        device.write8(region, register, value);
    }

    @Override
    public void close() throws ErrnoException {
        write(IER, 0);
        device.ioctl(SetIrqs.disarm(VfioPci.INTX_IRQ));
    }
}
