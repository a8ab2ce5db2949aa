package vendor.mtty;

import static vendor.mtty.SerialReg.*;

import java.io.ByteArrayOutputStream;

/**
 * The part of Linux's 8250 driver that moves characters (drivers/tty/serial/8250/8250_port.c): FIFOs on, trigger level
 * 8, and sixteen characters for each THRE interrupt.
 */
final class Linux8250 {
    private static final int TX_LOAD = 16;

    private final Port port;
    private final byte[] toSend;
    private int sent;
    private final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private int overruns;
    private int interrupts;

    Linux8250(Port port, byte[] toSend) {
        this.port = port;
        this.toSend = toSend;
    }

    /** {@code serial8250_do_startup()}. */
    void startup() {
        port.out(IIR_FCR, FCR_ENABLE_FIFO | FCR_CLEAR_RCVR | FCR_CLEAR_XMIT);
        port.out(IIR_FCR, 0);
        port.in(LSR);
        port.in(DATA);
        port.in(IIR_FCR);
        port.in(MSR);
        port.out(LCR, 0x03);
        port.out(MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
        port.out(IIR_FCR, FCR_ENABLE_FIFO | 0x80);
        port.out(IER, IER_RLSI | IER_RDI);
    }

    /** {@code serial8250_start_tx()}: the interrupt raised by this starts the transmission. */
    void startTx() {
        port.out(IER, IER_RLSI | IER_RDI | IER_THRI);
    }

    /**
     * {@code serial8250_handle_irq()}.
     *
     * @return whether the port had a pending interrupt
     */
    boolean handleIrq() {
        if ((port.in(IIR_FCR) & IIR_NO_INT) != 0) {
            return false;
        }
        interrupts++;
        int status = readLsr();
        if ((status & (LSR_DR | LSR_BI)) != 0) {
            do {
                received.write(port.in(DATA));
                status = readLsr();
            } while ((status & (LSR_DR | LSR_BI)) != 0);
        }
        port.in(MSR);
        if ((status & LSR_THRE) != 0 && sent < toSend.length) {
            for (int i = 0; i < TX_LOAD && sent < toSend.length; i++) {
                port.out(DATA, toSend[sent++] & 0xff);
            }
            if (sent == toSend.length) {
                port.out(IER, IER_RLSI | IER_RDI);
            }
        }
        return true;
    }

    private int readLsr() {
        int status = port.in(LSR);
        overruns += (status & LSR_OE) == 0 ? 0 : 1;
        return status;
    }

    boolean done() {
        return received.size() == toSend.length;
    }

    byte[] received() {
        return received.toByteArray();
    }

    int overruns() {
        return overruns;
    }

    int interrupts() {
        return interrupts;
    }
}
