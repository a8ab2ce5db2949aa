package vendor.mtty;

/** Registers and bits of the PC16550D (data sheet, table II; names as in include/uapi/linux/serial_reg.h). */
final class SerialReg {
    /** Receiver buffer, transmitter holding register; divisor latch low while {@link #LCR_DLAB}. */
    static final int DATA = 0;
    /** Interrupt enable; divisor latch high while {@link #LCR_DLAB}. */
    static final int IER = 1;
    /** Interrupt identification when read, FIFO control when written. */
    static final int IIR_FCR = 2;

    static final int LCR = 3;
    static final int MCR = 4;
    static final int LSR = 5;
    static final int MSR = 6;
    static final int SCR = 7;

    /** The size of the register block in bytes. */
    static final int SIZE = 8;

    static final int IER_RDI = 0x01;
    static final int IER_THRI = 0x02;
    static final int IER_RLSI = 0x04;
    static final int IER_MSI = 0x08;
    static final int IER_MASK = 0x0f;

    static final int IIR_NO_INT = 0x01;
    static final int IIR_RLSI = 0x06;
    static final int IIR_RDI = 0x04;
    static final int IIR_RX_TIMEOUT = 0x0c;
    static final int IIR_THRI = 0x02;
    static final int IIR_MSI = 0x00;
    static final int IIR_FIFOS = 0xc0;

    static final int FCR_ENABLE_FIFO = 0x01;
    static final int FCR_CLEAR_RCVR = 0x02;
    static final int FCR_CLEAR_XMIT = 0x04;
    static final int FCR_TRIGGER_SHIFT = 6;

    static final int LCR_WLEN = 0x03;
    static final int LCR_SBC = 0x40;
    static final int LCR_DLAB = 0x80;

    static final int MCR_DTR = 0x01;
    static final int MCR_RTS = 0x02;
    static final int MCR_OUT1 = 0x04;
    static final int MCR_OUT2 = 0x08;
    static final int MCR_LOOP = 0x10;
    static final int MCR_MASK = 0x1f;

    static final int LSR_DR = 0x01;
    static final int LSR_OE = 0x02;
    static final int LSR_BI = 0x10;
    static final int LSR_THRE = 0x20;
    static final int LSR_TEMT = 0x40;
    static final int LSR_FIFOE = 0x80;

    static final int MSR_TERI = 0x04;
    static final int MSR_CTS = 0x10;
    static final int MSR_DSR = 0x20;
    static final int MSR_RI = 0x40;
    static final int MSR_DCD = 0x80;

    private SerialReg() {}
}
