package vendor.mtty;

import static vendor.mtty.SerialReg.*;

import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.device.Registers;
import mdev.pci.Interrupts;

/**
 * A serial port: a National PC16550D with a loopback plug, which returns transmitted characters and holds CTS, DSR and
 * DCD active.
 *
 * <p><b>Time.</b> The line has no baud rate: a character written to THR is received at once. As on a real line, this
 * must not let a driver overrun its own receiver. The transmitter therefore reports busy (THRE and TEMT low, no THRE
 * interrupt) until the receiver has been read empty, which is also when the kernel's sample reports it idle. A driver
 * that obeys THRE can load 16 characters without loss; a driver that ignores it gets an overrun with the 17th. A driver
 * that only transmits and polls need not wait for a reader: {@link #LOAD_POLLS} reads of LSR without a receiver read in
 * between count as the transmission of a full FIFO. The character time-out of the receive FIFO occurs as soon as it
 * holds a character below the trigger level, so that no driver waits for a clock.
 *
 * <p><b>Bus.</b> The chip has eight data lines: only the lowest byte of a wider access reaches it, the others read 0,
 * as in the sample.
 */
final class Uart16550A implements Registers {
    /**
     * A poll by a guest takes tens of microseconds, about one character time at 115200 baud, so this many polls
     * transmit a full FIFO.
     */
    static final int LOAD_POLLS = ReceiveFifo.DEPTH;

    /** The inputs that the plug holds active. */
    private static final int PLUG = MSR_CTS | MSR_DSR | MSR_DCD;

    /**
     * The port's lock is this object. It guards one invariant: the registers are consistent with each other, and the
     * interrupt source matches IIR. No blocking call is made while it is held.
     */
    private final Interrupts.Source interrupt;

    private final ReceiveFifo received = new ReceiveFifo();
    private final ModemStatus modem = new ModemStatus();

    private int divisor;
    private int ier;
    private int lcr;
    private int mcr;
    private int scr;
    private boolean fifos;
    private int trigger;

    /** OE and BI; cleared by a read of LSR. */
    private int lineErrors;

    /** Characters are being transmitted: THRE and TEMT are low. */
    private boolean sending;

    /** Reads of LSR since the last write or read of a character. */
    private int polls;

    /** THR has become empty, and neither IIR has been read nor THR written since. */
    private boolean emptied;

    /** The line is held at space: a break. */
    private boolean spacing;

    Uart16550A(Interrupts.Source interrupt) {
        this.interrupt = interrupt;
        reset();
    }

    @Override
    public synchronized void reset() {
        divisor = 0;
        ier = 0;
        lcr = 0;
        mcr = 0;
        scr = 0;
        fifos = false;
        trigger = 1;
        lineErrors = 0;
        sending = false;
        polls = 0;
        emptied = false;
        spacing = false;
        received.clear(1);
        modem.reset(PLUG);
        signal();
    }

    @Override
    public synchronized DeviceState save() {
        return DeviceState.version(1)
                .with("divisor", divisor)
                .with("ier", ier)
                .with("lcr", lcr)
                .with("mcr", mcr)
                .with("scr", scr)
                .with("fifos", fifos)
                .with("trigger", trigger)
                .with("line_errors", lineErrors)
                .with("sending", sending)
                .with("polls", polls)
                .with("emptied", emptied)
                .with("spacing", spacing)
                .with("received", received.save())
                .with("modem", modem.save());
    }

    @Override
    public synchronized void restore(DeviceState state) throws ErrnoException {
        divisor = state.number("divisor", 0, 0xffff);
        ier = state.number("ier", 0, IER_MASK);
        lcr = state.number("lcr", 0, 0xff);
        mcr = state.number("mcr", 0, MCR_MASK);
        scr = state.number("scr", 0, 0xff);
        fifos = state.flag("fifos");
        trigger = state.number("trigger", 1, ReceiveFifo.DEPTH);
        lineErrors = state.number("line_errors", 0, 0xff);
        sending = state.flag("sending");
        polls = state.number("polls", 0, LOAD_POLLS);
        emptied = state.flag("emptied");
        spacing = state.flag("spacing");
        received.restore(state.section("received"));
        modem.restore(state.section("modem"));
    }

    @Override
    public synchronized long read(long offset, int size) {
        int value = switch ((int) offset) {
            case DATA -> divisorLatch() ? divisor & 0xff : readReceiver();
            case IER -> divisorLatch() ? divisor >> 8 : ier;
            case IIR_FCR -> readIdentification();
            case LCR -> lcr;
            case MCR -> mcr;
            case LSR -> readLineStatus();
            case MSR -> modem.read();
            default -> scr;
        };
        signal();
        return value;
    }

    @Override
    public synchronized void write(long offset, int size, long data) {
        int value = (int) data & 0xff;
        switch ((int) offset) {
            case DATA -> {
                if (divisorLatch()) {
                    divisor = (divisor & 0xff00) | value;
                } else {
                    transmit(value);
                }
            }
            case IER -> {
                if (divisorLatch()) {
                    divisor = (divisor & 0xff) | (value << 8);
                } else {
                    writeInterruptEnable(value & IER_MASK);
                }
            }
            case IIR_FCR -> writeFifoControl(value);
            case LCR -> {
                lcr = value;
                driveLine();
            }
            case MCR -> {
                mcr = value & MCR_MASK;
                modem.set(loop() ? loopedModem() : PLUG);
                driveLine();
            }
            case SCR -> scr = value;
            default -> {
                // LSR and MSR: writes are for factory tests.
            }
        }
        signal();
    }

    private boolean divisorLatch() {
        return (lcr & LCR_DLAB) != 0;
    }

    private boolean loop() {
        return (mcr & MCR_LOOP) != 0;
    }

    private void signal() {
        interrupt.level(cause() != IIR_NO_INT);
    }

    /** The enabled cause of highest priority (table IV). */
    private int cause() {
        if ((ier & IER_RLSI) != 0 && lineErrors != 0) {
            return IIR_RLSI;
        }
        if ((ier & IER_RDI) != 0 && !received.isEmpty()) {
            return received.size() >= trigger ? IIR_RDI : IIR_RX_TIMEOUT;
        }
        if ((ier & IER_THRI) != 0 && emptied) {
            return IIR_THRI;
        }
        if ((ier & IER_MSI) != 0 && modem.changed()) {
            return IIR_MSI;
        }
        return IIR_NO_INT;
    }

    /** Reading the THRE cause acknowledges it; the other causes are cleared at their source. */
    private int readIdentification() {
        int cause = cause();
        if (cause == IIR_THRI) {
            emptied = false;
        }
        return cause | (fifos ? IIR_FIFOS : 0);
    }

    private int readLineStatus() {
        boolean faulty = fifos && (received.hasErrors() || (lineErrors & LSR_BI) != 0);
        int value = (received.isEmpty() ? 0 : LSR_DR)
                | lineErrors
                | (sending ? 0 : LSR_THRE | LSR_TEMT)
                | (faulty ? LSR_FIFOE : 0);
        lineErrors = 0;
        if (sending && ++polls == LOAD_POLLS) {
            sent();
        }
        return value;
    }

    private int readReceiver() {
        int character = received.remove();
        polls = 0;
        lineErrors |= received.takeErrors();
        if (received.isEmpty()) {
            sent();
        }
        return character;
    }

    /** Enabling the THRE interrupt while THR is empty raises it: drivers start a transmission this way. */
    private void writeInterruptEnable(int value) {
        if ((value & ~ier & IER_THRI) != 0 && !sending) {
            emptied = true;
        }
        ier = value;
    }

    /**
     * Enabling or disabling the FIFOs empties them; the other bits are valid only together with the enable bit (8.5).
     */
    private void writeFifoControl(int value) {
        boolean enable = (value & FCR_ENABLE_FIFO) != 0;
        if (enable != fifos) {
            fifos = enable;
            trigger = 1;
            received.clear(enable ? ReceiveFifo.DEPTH : 1);
            sent();
        }
        if (!enable) {
            return;
        }
        trigger = triggerLevel(value >> FCR_TRIGGER_SHIFT);
        if ((value & FCR_CLEAR_RCVR) != 0) {
            received.clear();
        }
        if ((value & (FCR_CLEAR_RCVR | FCR_CLEAR_XMIT)) != 0) {
            sent();
        }
    }

    private static int triggerLevel(int code) {
        return switch (code) {
            case 0 -> 1;
            case 1 -> 4;
            case 2 -> 8;
            default -> 14;
        };
    }

    private void transmit(int character) {
        sending = true;
        polls = 0;
        emptied = false;
        if (spacing) {
            // The character is lost, because the line is held at space.
            sent();
        } else {
            receive(character & (0xff >> (3 - (lcr & LCR_WLEN))), 0);
        }
    }

    /** The last character has left the transmitter. */
    private void sent() {
        if (sending) {
            sending = false;
            emptied = true;
        }
    }

    /** An overrun loses the new character when the FIFOs are on, and the old one when they are off (8.4, LSR bit 1). */
    private void receive(int character, int errors) {
        if (received.isFull()) {
            lineErrors |= LSR_OE;
            if (fifos) {
                return;
            }
            received.clear();
        }
        received.add(character, errors);
        lineErrors |= received.takeErrors();
    }

    /**
     * The start of a break is received as one zero character with BI. In loop mode the line is at mark and the receiver
     * is disconnected from it.
     */
    private void driveLine() {
        boolean space = (lcr & LCR_SBC) != 0 && !loop();
        if (space && !spacing) {
            receive(0, LSR_BI);
        }
        spacing = space;
    }

    /** In loop mode the modem inputs are the modem outputs (8.8, MCR bit 4). */
    private int loopedModem() {
        return ((mcr & MCR_DTR) != 0 ? MSR_DSR : 0)
                | ((mcr & MCR_RTS) != 0 ? MSR_CTS : 0)
                | ((mcr & MCR_OUT1) != 0 ? MSR_RI : 0)
                | ((mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
    }
}
