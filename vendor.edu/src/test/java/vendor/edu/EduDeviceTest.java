package vendor.edu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The device as docs/specs/edu.rst of QEMU describes it, without a platform: this test is its user. */
final class EduDeviceTest {
    private static final int LIVENESS = 0x04;
    private static final int FACTORIAL = 0x08;
    private static final int STATUS = 0x20;
    private static final int REASONS = 0x24;
    private static final int RAISE = 0x60;
    private static final int ACKNOWLEDGE = 0x64;
    private static final int SOURCE = 0x80;
    private static final int DESTINATION = 0x88;
    private static final int COUNT = 0x90;
    private static final int COMMAND = 0x98;

    private static final int TO_EDU = 1;
    private static final int TO_GUEST = 3;
    private static final int BUFFER = 0x40000;
    private static final int PAGE = 4096;

    /** MSI is the first capability: its control register. */
    private static final int MSI_CONTROL = 0x42;

    /** The guest: two pages of memory, an interrupt line, and the messages that it has received. */
    private static final class Guest implements VfioContext {
        private final byte[] memory = new byte[2 * PAGE];
        private final LinkedBlockingQueue<Integer> messages = new LinkedBlockingQueue<>();
        private volatile boolean line;

        @Override
        public void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
            MemorySegment.copy(at(iova, length), 0, data, offset, length);
        }

        @Override
        public void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
            MemorySegment.copy(data, offset, at(iova, length), 0, length);
        }

        private MemorySegment at(long iova, long length) throws ErrnoException {
            if (iova < 0 || length <= 0 || iova > memory.length - length) {
                throw new ErrnoException(Errno.EINVAL);
            }
            return MemorySegment.ofArray(memory).asSlice(iova, length);
        }

        @Override
        public boolean armed(int index, int vector) {
            return index == VfioPci.MSI_IRQ;
        }

        @Override
        public void trigger(int index, int vector) {
            messages.add(index);
        }

        @Override
        public void setIntx(boolean high) {
            line = high;
        }
    }

    private final Guest guest = new Guest();
    private final EduDevice device = new EduDevice(() -> (1L << 28) - 1);

    @BeforeEach
    void open() throws ErrnoException {
        device.open(guest);
        config(0x04, 0x6); // memory, bus master
    }

    private void config(int register, int value) throws ErrnoException {
        device.write(VfioPci.CONFIG_REGION, register, MemorySegment.ofArray(new short[] {(short) value}), 0, 2);
    }

    private int read(int register) throws ErrnoException {
        var data = MemorySegment.ofArray(new byte[4]);
        device.read(VfioPci.BAR0_REGION, register, data, 0, 4);
        return data.get(JAVA_INT_UNALIGNED, 0);
    }

    private long read8(int register) throws ErrnoException {
        var data = MemorySegment.ofArray(new byte[8]);
        device.read(VfioPci.BAR0_REGION, register, data, 0, 8);
        return data.get(JAVA_LONG_UNALIGNED, 0);
    }

    private void write(int register, int value) throws ErrnoException {
        device.write(VfioPci.BAR0_REGION, register, MemorySegment.ofArray(new int[] {value}), 0, 4);
    }

    private void write8(int register, long value) throws ErrnoException {
        device.write(VfioPci.BAR0_REGION, register, MemorySegment.ofArray(new long[] {value}), 0, 8);
    }

    private void await(int register, int bit) {
        assertTimeoutPreemptively(Duration.ofMinutes(1), () -> {
            while ((read(register) & bit) != 0) {
                Thread.onSpinWait();
            }
        });
    }

    private void transfer(long from, long to, long count, int command) throws ErrnoException {
        write8(SOURCE, from);
        write8(DESTINATION, to);
        write8(COUNT, count);
        write8(COMMAND, command);
        await(COMMAND, 1);
    }

    @Test
    void isIdentifiedAndAlive() throws ErrnoException {
        assertEquals(0x010000ed, read(0));
        write(LIVENESS, 0x12345678);
        assertEquals(0xedcba987, read(LIVENESS));
    }

    @Test
    void forbiddenWidthsReadOnesAndWriteNothing() throws ErrnoException {
        assertEquals(-1, read8(0));
        write8(FACTORIAL, 5);
        await(STATUS, 1);
        assertEquals(0, read(FACTORIAL));
        assertEquals(-1, read(SOURCE + 4), "no register");
        assertEquals(-1, read(BUFFER), "the buffer is not in the BAR");
        var data = MemorySegment.ofArray(new byte[2]);
        device.read(VfioPci.BAR0_REGION, SOURCE, data, 0, 2);
        assertEquals(-1, data.get(JAVA_SHORT_UNALIGNED, 0));
    }

    @ParameterizedTest
    @CsvSource({"0,1", "1,1", "5,120", "12,479001600", "13,1932053504", "33,-2147483648", "34,0", "-1,0"})
    void computesFactorialsModulo32Bits(int n, int factorial) throws ErrnoException {
        write(FACTORIAL, n);
        await(STATUS, 1);
        assertEquals(factorial, read(FACTORIAL));
        assertEquals(0, read(REASONS));
    }

    @Test
    void lineIsHighUntilEachReasonIsAcknowledged() throws ErrnoException {
        write(STATUS, 0x81);
        assertEquals(0x80, read(STATUS), "COMPUTING is read-only");
        write(FACTORIAL, 4);
        await(STATUS, 1);
        assertEquals(1, read(REASONS));
        write(RAISE, 0x30);
        assertEquals(0x31, read(REASONS));
        assertEquals(true, guest.line);
        write(ACKNOWLEDGE, 0x11);
        assertEquals(true, guest.line);
        write(ACKNOWLEDGE, 0x20);
        assertEquals(0, read(REASONS));
        assertEquals(false, guest.line);
        assertEquals(List.of(), List.copyOf(guest.messages), "MSI is off");
    }

    /** Also for a reason raised before an earlier one is acknowledged: otherwise the guest would miss it. */
    @Test
    void eachRaiseSendsAnMsi() throws Exception {
        config(MSI_CONTROL, 1);
        write(RAISE, 1);
        write(RAISE, 2);
        write(ACKNOWLEDGE, 3);
        write(RAISE, 1);
        for (int i = 0; i < 3; i++) {
            assertEquals(VfioPci.MSI_IRQ, guest.messages.poll(1, TimeUnit.MINUTES));
        }
        assertEquals(List.of(), List.copyOf(guest.messages));
        assertEquals(false, guest.line);
    }

    @Test
    void transfersInBothDirectionsWithAnInterrupt() throws ErrnoException {
        byte[] sent = new byte[PAGE];
        IntStream.range(0, PAGE).forEach(i -> sent[i] = (byte) (i * 7));
        System.arraycopy(sent, 0, guest.memory, 0, PAGE);
        transfer(0, BUFFER, PAGE, TO_EDU);
        assertEquals(0, read(REASONS));
        transfer(BUFFER + 100, PAGE, 50, TO_GUEST | 4);
        assertEquals(0x100, read(REASONS));
        assertArrayEquals(Arrays.copyOfRange(sent, 100, 150), Arrays.copyOfRange(guest.memory, PAGE, PAGE + 50));
        assertEquals(0, guest.memory[PAGE + 50]);
    }

    /** Each transfer ends with its interrupt and moves nothing. */
    @ParameterizedTest
    @CsvSource({
        "0, 0x3ffff, 1",
        "0, 0x40001, 4096",
        "0, 0x41000, 1",
        "0, 0x41001, 0",
        "0, 0x40000, -1",
        "0, -1, 2",
        "0, 0x40000, 0x7fffffffffffffff",
        "0x4000, 0x40000, 4",
        "0, 0x40000, 0"
    })
    void invalidTransferMovesNothing(String from, String to, String count) throws ErrnoException {
        guest.memory[0] = 1;
        transfer(Long.decode(from), Long.decode(to), Long.decode(count), TO_EDU | 4);
        assertEquals(0x100, read(REASONS));
        transfer(BUFFER, PAGE, PAGE, TO_GUEST);
        assertArrayEquals(new byte[PAGE], Arrays.copyOfRange(guest.memory, PAGE, 2 * PAGE));
    }

    @Test
    void addressesAreLimitedToTheMask() throws ErrnoException {
        guest.memory[8] = 42;
        transfer(0xff_f000_0008L, BUFFER, 1, TO_EDU);
        transfer(BUFFER, 0x1_1000_0000L, 1, TO_GUEST);
        assertEquals(42, guest.memory[0]);
    }

    @Test
    void transferWithoutBusMasterMovesNothing() throws ErrnoException {
        config(0x04, 0x2);
        guest.memory[0] = 1;
        transfer(0, BUFFER, 1, TO_EDU);
        config(0x04, 0x6);
        transfer(BUFFER, 1, 1, TO_GUEST);
        assertEquals(0, guest.memory[1]);
    }

    @Test
    void resetAndNewUserStartInThePowerOnState() throws ErrnoException {
        guest.memory[0] = 1;
        for (boolean reset : new boolean[] {true, false}) {
            write(LIVENESS, 1);
            write(RAISE, 1);
            transfer(0, BUFFER, 1, TO_EDU);
            if (reset) {
                device.ioctl(new Reset());
            } else {
                device.release();
                device.open(guest);
            }
            config(0x04, 0x6);
            assertEquals(0, read(LIVENESS));
            assertEquals(0, read(REASONS));
            assertEquals(0, read(SOURCE));
            assertEquals(false, guest.line);
            transfer(BUFFER, PAGE, 1, TO_GUEST);
            assertEquals(0, guest.memory[PAGE]);
        }
    }
}
