package vendor.edu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;
import mdev.api.errno.*;
import mdev.api.vfio.*;
import mdev.device.*;
import mdev.pci.*;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The card of QEMU's docs/specs/edu.rst: registers in BAR 0; a thread for slow operations. */
final class EduDevice extends PciDevice {
    private static final Logger LOG = LoggerFactory.getLogger(EduDevice.class);
    private static final PciFunction FUNCTION = PciFunction.of(0x1234, 0x11e8)
            .revision(0x10)
            .classCode(0x00ff00)
            .subsystem(0x1af4, 0x1100)
            .bar(Bar.memory(0, 1 << 20))
            .busMaster()
            .interruptPin(PciFunction.Pin.INTA)
            .capability(new Capability.Msi(1))
            .build();

    private static final int DMA = 0x80; // source, destination, count, command
    private static final int COMMAND = 3;
    private static final int COMPUTING = 0x1, THEN_INTERRUPT = 0x80; // status
    private static final int RUN = 0x1, TO_GUEST = 0x2, AND_INTERRUPT = 0x4; // command
    private static final int BUFFER = 0x40000, BUFFER_SIZE = 4096;

    EduDevice(LongSupplier dmaMask) {
        super(FUNCTION, interrupts -> List.of(new Bar0(interrupts.source(), dmaMask)));
    }

    private static final class Bar0 implements Registers {
        private final Interrupts.Source line;
        private final LongSupplier dmaMask;

        // Guarded by this; a worker does not hold the monitor while it moves data.
        private int liveness, factorial, status, reasons;
        private final long[] dma = new long[4];
        private byte[] buffer = new byte[BUFFER_SIZE];

        @SuppressWarnings("NullAway.Init") // accesses occur only between open and release
        private VfioContext user;

        Bar0(Interrupts.Source line, LongSupplier dmaMask) {
            this.line = line;
            this.dmaMask = dmaMask;
        }

        @Override
        public int width() {
            return Long.BYTES;
        }

        /** Below the DMA registers only accesses of 4 bytes are valid. */
        private static int register(long offset, int size) {
            return size == Integer.BYTES || (size == Long.BYTES && offset >= DMA) ? (int) offset : -1;
        }

        @Override
        public synchronized long read(long offset, int size) {
            return switch (register(offset, size)) {
                case 0x00 -> 0x010000ed;
                case 0x04 -> liveness;
                case 0x08 -> factorial;
                case 0x20 -> status;
                case 0x24 -> reasons;
                case 0x80, 0x88, 0x90, 0x98 -> dma[(int) (offset - DMA) / Long.BYTES];
                default -> -1;
            };
        }

        @Override
        public synchronized void write(long offset, int size, long value) {
            switch (register(offset, size)) {
                case 0x04 -> liveness = (int) ~value;
                case 0x08 -> compute((int) value);
                case 0x20 -> status = (status & COMPUTING) | ((int) value & THEN_INTERRUPT);
                case 0x60 -> interrupt((int) value);
                case 0x64 -> line.level((reasons &= (int) ~value) != 0);
                case 0x80, 0x88, 0x90, 0x98 -> writeDma((int) (offset - DMA) / Long.BYTES, value);
                default -> {}
            }
        }

        /** Also sends a message while the line is high: the guest may have read the reasons just before. */
        private void interrupt(int reason) {
            reasons |= reason;
            if (reasons != 0) {
                line.interrupt();
            }
        }

        private void compute(int n) {
            if ((status & COMPUTING) == 0) {
                status |= COMPUTING;
                factorial = n;
                Thread.ofVirtual().name("edu").start(this::finishFactorial);
            }
        }

        private synchronized void finishFactorial() {
            int product = 1;
            for (int n = factorial; n != 0 && product != 0; n--) { // at most 34 steps: 2^32 then divides the product
                product *= n;
            }
            if ((status & COMPUTING) != 0) { // otherwise a reset came first
                factorial = product;
                status &= ~COMPUTING;
                if ((status & THEN_INTERRUPT) != 0) {
                    interrupt(0x1);
                }
            }
        }

        private void writeDma(int register, long value) {
            if ((dma[COMMAND] & RUN) != 0 || (register == COMMAND && (value & RUN) == 0)) {
                return;
            }
            dma[register] = value;
            if (register == COMMAND) {
                VfioContext of = user;
                byte[] data = buffer;
                long[] operands = dma.clone();
                Thread.ofVirtual().name("edu").start(() -> transfer(of, data, operands));
            }
        }

        @SuppressWarnings("ReferenceEquality") // a reset replaces the buffer
        private void transfer(VfioContext of, byte[] data, long[] operands) {
            boolean toGuest = (operands[COMMAND] & TO_GUEST) != 0;
            long address = operands[toGuest ? 1 : 0] & dmaMask.getAsLong();
            long at = operands[toGuest ? 0 : 1] - BUFFER;
            try {
                if (at < 0 || at > BUFFER_SIZE || operands[2] < 0 || operands[2] > BUFFER_SIZE - at) {
                    throw new ErrnoException(Errno.EINVAL, "not in the buffer");
                } else if (toGuest) {
                    of.dmaWrite(address, MemorySegment.ofArray(data), at, operands[2]);
                } else {
                    of.dmaRead(address, MemorySegment.ofArray(data), at, operands[2]);
                }
            } catch (ErrnoException e) { // not a warning: a guest can cause any number of them
                LOG.debug("no transfer of {} bytes at 0x{}: {}", operands[2], Long.toHexString(address), e.toString());
            }
            synchronized (this) {
                if (data == buffer) { // otherwise a reset came first
                    dma[COMMAND] &= ~RUN;
                    if ((operands[COMMAND] & AND_INTERRUPT) != 0) {
                        interrupt(0x100);
                    }
                }
            }
        }

        @Override
        public synchronized void open(VfioContext context) {
            reset(); // no user sees the state of the previous one
            user = context;
        }

        @Override
        public synchronized void reset() {
            liveness = factorial = status = reasons = 0;
            Arrays.fill(dma, 0);
            buffer = new byte[BUFFER_SIZE];
            line.level(false);
        }
    }
}
