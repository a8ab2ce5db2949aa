package itests.accelerator;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import mdev.api.vfio.IoEvent;
import mdev.device.Registers;
import mdev.device.SharedMemory;
import mdev.pci.Bar;
import mdev.pci.Capability.Express;
import mdev.pci.Capability.MsiX;
import mdev.pci.Capability.PowerManagement;
import mdev.pci.ExtendedCapability;
import mdev.pci.ExtendedCapability.ResizableBar;
import mdev.pci.ExtendedCapability.SerialNumber;
import mdev.pci.Interrupts;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;

/**
 * The parts that emulators of GPUs and network cards declare on libvfio-user: registers in BAR0, doorbells in BAR2,
 * the MSI-X structures in BAR3, resizable memory in BAR4; PCI Express, power management, a vendor-specific extended
 * capability, and a ROM.
 */
final class AcceleratorCard extends PciDevice {
    private static final int VECTORS = 8;
    private static final int DOORBELLS = 16;

    private final PciFunction function;
    private final Calculator calculator;

    AcceleratorCard(long size) {
        var own = new Calculator();
        var memory = Bar.memory64(4, size).prefetched();
        var declared = PciFunction.of(0x1234, 0xacce)
                .classCode(0x120000)
                .revision(1)
                .interruptPin(PciFunction.Pin.INTA)
                .busMaster()
                .bar(Bar.memory(0, 0x1000))
                .bar(Bar.memory(2, 0x1000))
                .bar(Bar.memory(3, 0x1000))
                .bar(memory)
                .rom(rom())
                .capability(new PowerManagement())
                .capability(new MsiX(VECTORS, 3, 0, 3, 0x800))
                .capability(new Express(3, 16))
                .capability(new SerialNumber(0x0011223344556677L))
                .capability(new ResizableBar(4, 256L << 20, size))
                .capability(own)
                .build();
        super(declared, interrupts -> {
            var shared = memory.sharedMemory();
            var registers = new Control(interrupts, shared);
            return List.of(registers, new Queues(registers), new Nothing(), shared);
        });
        function = declared;
        calculator = own;
    }

    /** The guest has written the operand: the result is its square. */
    @Override
    protected void configWritten(int offset, int length) {
        int at = function.offset(calculator);
        if (offset < at + Calculator.RESULT && offset + length > at + Calculator.OPERAND) {
            long operand = getConfig(at + Calculator.OPERAND, 4);
            setConfig(at + Calculator.RESULT, 4, operand * operand);
        }
    }

    /** A vendor-specific extended capability (PCI Express Base 3.0, 7.19) with an operand and a result. */
    private record Calculator() implements ExtendedCapability {
        static final int OPERAND = 8;
        static final int RESULT = 12;

        @Override
        public int id() {
            return 0x0b;
        }

        @Override
        public int length() {
            return 16;
        }

        @Override
        public void layOut(Layout at) {
            at.put(4, 4, length() << 20 | 0xcafe, 0);
            at.put(OPERAND, 4, 0, ~0);
            at.put(RESULT, 4, 0, 0);
        }
    }

    /** An image for no firmware (code type 0xff), so that none runs it; 6.3.1 of PCI Local Bus 3.0. */
    private static byte[] rom() {
        byte[] image = new byte[5000 / 512 * 512];
        for (int i = 0x40; i < image.length; i++) {
            image[i] = (byte) i;
        }
        int[] header = {0x55, 0xaa};
        int[] data = {
            'P',
            'C',
            'I',
            'R',
            0x34,
            0x12,
            0xce,
            0xac,
            0,
            0,
            0x18,
            0,
            0,
            0,
            0,
            0x12,
            image.length / 512,
            0,
            0,
            0,
            0xff,
            0x80
        };
        put(image, 0, header);
        image[0x18] = 0x1c;
        put(image, 0x1c, data);
        return image;
    }

    private static void put(byte[] image, int at, int[] bytes) {
        for (int i = 0; i < bytes.length; i++) {
            image[at + i] = (byte) bytes[i];
        }
    }

    /** BAR0: raises and ends interrupts, counts doorbells, and reads a word of the memory. */
    private static final class Control implements Registers {
        static final int RAISE = 0;
        static final int END = 4;
        static final int RUNG = 8;
        static final int PAGE = 0xc;
        static final int WORD = 0x10;

        private final List<Interrupts.Source> sources = new ArrayList<>();
        private final SharedMemory memory;
        private final AtomicInteger rung = new AtomicInteger();
        private volatile long page;

        Control(Interrupts interrupts, SharedMemory memory) {
            this.memory = memory;
            IntStream.range(0, VECTORS).mapToObj(interrupts::source).forEach(sources::add);
        }

        @Override
        public long read(long offset, int size) {
            return switch ((int) offset) {
                case RUNG -> rung.get();
                case WORD -> memory.memory().get(ValueLayout.JAVA_INT_UNALIGNED, page << 12) & 0xffffffffL;
                default -> 0;
            };
        }

        @Override
        public void write(long offset, int size, long value) {
            switch ((int) offset) {
                case RAISE -> sources.get((int) value % VECTORS).interrupt();
                case END -> sources.get((int) value % VECTORS).level(false);
                case PAGE -> page = value;
                default -> {}
            }
        }

        @Override
        public void reset() {
            rung.set(0);
            page = 0;
            sources.forEach(source -> source.level(false));
        }
    }

    /** BAR2: a doorbell for each queue. */
    private record Queues(Control control) implements Registers {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            control.rung.incrementAndGet();
        }

        @Override
        public List<IoEvent> ioEvents() {
            return IntStream.range(0, DOORBELLS)
                    .mapToObj(queue -> new IoEvent(8L * queue, 4))
                    .toList();
        }
    }

    /** BAR3: the part without MSI-X structures. */
    private record Nothing() implements Registers {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {}
    }
}
