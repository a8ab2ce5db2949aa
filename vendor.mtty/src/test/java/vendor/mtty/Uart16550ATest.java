package vendor.mtty;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vendor.mtty.SerialReg.*;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;
import java.util.UUID;
import java.util.stream.IntStream;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioPci;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The port against the PC16550D data sheet. */
class Uart16550ATest {
    private static final int BUSY = 0;
    private static final int IDLE = LSR_THRE | LSR_TEMT;

    private final MttyDevice device = new MttyDevice(new UUID(0, 1), MttyType.SINGLE);
    private final UserIrqs user = new UserIrqs();
    private final Port port = new Port(device, 0);

    @BeforeEach
    void open() throws ErrnoException {
        device.open(user);
        user.arm(VfioPci.INTX_IRQ, true);
        port.out(LCR, 0x03);
    }

    /**
     * A scenario is written as register accesses: {@code THR=41} writes, {@code LSR:01} reads and compares,
     * {@code line} and {@code -line} give the state of INTx.
     */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            power-on                              | IER:00 IIR:01 MCR:00 LSR:60 MSR:b0 SCR:00 -line
            a character comes back                | THR=41 LSR:01 RBR:41 LSR:60
            holding register overrun              | THR=41 THR=42 LSR:03 LSR:01 RBR:42 LSR:60
            IIR tells that FIFOs are on           | FCR=01 IIR:c1 FCR=00 IIR:01
            FCR bits count with bit 0 only        | FCR=01 THR=41 FCR=01 LSR:01 FCR=03 LSR:60 FCR=c0 IIR:01
            switching FIFOs empties them          | FCR=01 THR=41 THR=42 FCR=00 LSR:60 THR=43 FCR=01 LSR:60
            clearing XMIT leaves what is received | FCR=01 THR=41 FCR=05 LSR:61 RBR:41 LSR:60
            clearing RCVR leaves OE               | THR=41 THR=42 FCR=07 LSR:62 LSR:60
            divisor latch                         | LCR=83 THR=0c IER=01 RBR:0c IER:01 THR=30 RBR:30 LCR=03 LSR:60 IER:00 LCR=83 RBR:30 LCR=03
            5 bits a word                         | LCR=00 THR=ff RBR:1f
            6 bits a word                         | LCR=01 THR=ff RBR:3f
            7 bits a word                         | LCR=02 THR=ff RBR:7f
            scratch                               | SCR=a5 SCR:a5
            read-only registers                   | LSR=ff LSR:60 MSR=ff MSR:b0
            unused bits                           | IER=f0 IER:00 MCR=e0 MCR:00
            THRE on enable, gone when told        | IER=02 line IIR:02 -line IIR:01 IER=02 -line IER=00 IER=02 line
            THRE gone with a character            | IER=02 line THR=41 -line IIR:01 RBR:41 line IIR:02 IIR:01
            THRE not while sending                | THR=41 IER=02 -line IIR:01 RBR:41 IIR:02
            RDA in the holding register           | IER=01 THR=41 line IIR:04 IIR:04 RBR:41 -line IIR:01
            trigger 1                             | FCR=01 IER=01 THR=41 IIR:c4 RBR:41 IIR:c1 -line
            RLS comes first                       | IER=07 IIR:02 THR=41 IIR:04 THR=42 IIR:06 LSR:03 IIR:04 RBR:42 IIR:02 IIR:01
            RLS only when enabled                 | IER=01 THR=41 THR=42 IIR:04
            RDA waits for its enable bit          | THR=41 -line IER=01 line IER=00 -line
            modem status comes last               | IER=08 MCR=10 line IIR:00 IER=0a IIR:02 IIR:00 MSR:0b IIR:01 -line
            loop: DTR to DSR                      | MCR=10 MSR:0b MCR=11 MSR:22 MSR:20
            loop: RTS to CTS                      | MCR=10 MSR:0b MCR=12 MSR:11 MSR:10
            loop: OUT1 to RI                      | MCR=10 MSR:0b MCR=14 MSR:40 MCR=10 MSR:04 MSR:00
            loop: OUT2 to DCD                     | MCR=10 MSR:0b MCR=18 MSR:88 MSR:80
            loop: how Linux finds a 16550         | MCR=1a MSR:92 MCR=00 MSR:b2
            loop: characters come back            | MCR=10 THR=41 LSR:01 RBR:41 LSR:60
            changes add up                        | MCR=10 MCR=13 MCR=10 MSR:0b MSR:00
            outputs move nothing on the plug      | IER=08 MCR=0f -line MSR:b0
            break                                 | IER=04 LCR=43 line IIR:06 LSR:71 IIR:01 LSR:61 RBR:00 LSR:60
            break is told once                    | LCR=43 LSR:71 LCR=43 LSR:61 LCR=03 LCR=43 LSR:73
            break in the FIFO                     | FCR=01 THR=41 LCR=43 LSR:81 LCR=03 RBR:41 LSR:91 LSR:01 RBR:00 LSR:60
            what is sent in a break is lost       | IER=02 LCR=43 LSR:71 RBR:00 IIR:02 THR=41 IIR:02 LSR:60
            loop: no break on the line            | MCR=10 LCR=43 LSR:60 THR=41 RBR:41 MCR=00 LSR:71
            """)
    void followsTheDataSheet(String name, String accesses) {
        for (String access : accesses.strip().split(" ", -1)) {
            String where = name + ": " + access;
            switch (access) {
                case "line" -> assertTrue(user.line(), where);
                case "-line" -> assertFalse(user.line(), where);
                default -> {
                    int register = register(access.substring(0, 3));
                    int value = Integer.parseInt(access.substring(4), 16);
                    if (access.charAt(3) == '=') {
                        port.out(register, value);
                    } else {
                        assertEquals(Integer.toHexString(value), Integer.toHexString(port.in(register)), where);
                    }
                }
            }
        }
    }

    private static int register(String name) {
        return switch (name.toUpperCase(Locale.ROOT)) {
            case "RBR", "THR" -> DATA;
            case "IER" -> IER;
            case "IIR", "FCR" -> IIR_FCR;
            case "LCR" -> LCR;
            case "MCR" -> MCR;
            case "LSR" -> LSR;
            case "MSR" -> MSR;
            case "SCR" -> SCR;
            default -> throw new IllegalArgumentException(name);
        };
    }

    @Test
    void fifoHoldsSixteen() {
        port.out(IIR_FCR, 0x01);
        for (int i = 0; i < 16; i++) {
            port.out(DATA, 0x40 + i);
            assertEquals(LSR_DR | BUSY, port.in(LSR), "after character " + i);
        }
        for (int i = 0; i < 16; i++) {
            assertEquals(0x40 + i, port.in(DATA));
        }
        assertEquals(IDLE, port.in(LSR));
    }

    @ParameterizedTest
    @ValueSource(ints = {17, 18, 40, 100})
    void seventeenthCharacterOverrunsAndIsLost(int characters) {
        port.out(IIR_FCR, 0x01);
        port.out(DATA, IntStream.range(0, 16).toArray());
        assertEquals(LSR_DR, port.in(LSR));
        port.out(DATA, 16);
        assertEquals(LSR_DR | LSR_OE, port.in(LSR), "OE with the 17th");
        assertEquals(LSR_DR, port.in(LSR), "cleared by reading LSR");
        port.out(DATA, IntStream.range(17, characters).toArray());
        for (int i = 0; i < 16; i++) {
            assertEquals(i, port.in(DATA));
        }
        assertEquals(IDLE, port.in(LSR) & ~LSR_OE, "nothing after the first sixteen");
    }

    @ParameterizedTest(name = "FCR {0}: trigger level {1}")
    @CsvSource({"0x01, 1", "0x41, 4", "0x81, 8", "0xc1, 14"})
    void triggerLevelDistinguishesDataFromTimeOut(String fcr, int level) {
        port.out(IIR_FCR, Integer.decode(fcr));
        port.out(IER, IER_RDI);
        for (int i = 1; i <= 16; i++) {
            port.out(DATA, i);
            assertEquals(IIR_FIFOS | (i < level ? IIR_RX_TIMEOUT : IIR_RDI), port.in(IIR_FCR), i + " received");
            assertTrue(user.line());
        }
        for (int left = 15; left >= 0; left--) {
            port.in(DATA);
            int cause = left >= level ? IIR_RDI : left > 0 ? IIR_RX_TIMEOUT : IIR_NO_INT;
            assertEquals(IIR_FIFOS | cause, port.in(IIR_FCR), left + " left");
        }
        assertFalse(user.line());
    }

    @Test
    void transmitOnlyDriverDoesNotBlock() {
        port.out(IIR_FCR, 0x01);
        port.out(DATA, 1, 2);
        int polls = 0;
        while ((port.in(LSR) & LSR_THRE) == 0) {
            polls++;
        }
        assertEquals(Uart16550A.LOAD_POLLS, polls);
        assertEquals(LSR_DR | IDLE, port.in(LSR));
        port.out(DATA, 3);
        assertEquals(LSR_DR, port.in(LSR), "the next load is on the line");
        port.in(DATA);
        assertEquals(LSR_DR, port.in(LSR), "and stays there while it is read");
    }

    @Test
    void onlyTheLowestByteOfAnAccessReachesTheChip() throws ErrnoException {
        var buffer = MemorySegment.ofArray(new byte[] {0x41, 0x0f, 0x01, 0x7f});
        device.write(0, 0, buffer, 0, 4);
        device.read(0, 0, buffer, 0, 4);
        assertEquals("[65, 0, 0, 0]", Arrays.toString(buffer.toArray(JAVA_BYTE)));
        assertEquals(0x00, port.in(IER));
        assertEquals(0x03, port.in(LCR));
    }

    @Test
    void resetRestoresThePowerOnState() throws ErrnoException {
        port.out(IIR_FCR, 0xc1);
        port.out(IER, 0x0f);
        port.out(MCR, 0x1f);
        port.out(SCR, 0x55);
        port.out(DATA, IntStream.range(0, 20).toArray());
        port.out(LCR, 0xff);
        port.out(DATA, 0x12);
        assertTrue(user.line());
        device.ioctl(new Reset());
        assertFalse(user.line());
        followsTheDataSheet("reset", "LCR:00 IER:00 IIR:01 MCR:00 LSR:60 MSR:b0 SCR:00 LCR=83 RBR:00 IER:00");
    }

    @Test
    void stateIsKeptAcrossUsers() throws ErrnoException {
        port.out(IIR_FCR, 0x01);
        port.out(IER, IER_RDI);
        port.out(DATA, 0x41);
        device.release();
        var next = new UserIrqs();
        device.open(next);
        next.arm(VfioPci.INTX_IRQ, true);
        assertEquals(1, next.takeIntx(), "the character is waiting");
        assertEquals(0x41, port.in(DATA));
        assertFalse(next.line());
    }
}
