package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import mdev.device.Registers;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.pci.Bar;
import mdev.pci.Capability;
import mdev.pci.Interrupts;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * A function of the vendor toolkit, on the wire: a client that programs the device's MSI-X table, and a client that
 * emulates the table, as QEMU does for its guest ({@code hw/vfio/pci.c}: only configuration space reaches the device),
 * both receive the messages that they unmasked.
 */
final class PciFunctionTest {
    private static final int VECTORS = 4;
    private static final int TABLE = 0x800;
    private static final int PENDING = 0xc00;

    /** The offset of the only capability. */
    private static final int MSIX_CONTROL = 0x42;

    private static final int COMMAND = 0x04;

    /** Registers of a device that does DMA. */
    private static final class Engine implements Registers {
        private final List<Interrupts.Source> sources;
        private volatile @Nullable VfioContext user;

        Engine(Interrupts interrupts) {
            sources = IntStream.range(0, VECTORS).mapToObj(interrupts::source).toList();
        }

        VfioContext user() {
            return Objects.requireNonNull(user, "not open");
        }

        @Override
        public void open(VfioContext context) {
            user = context;
        }

        @Override
        public long read(long offset, int size) {
            return 0;
        }

        /** A doorbell: sends the message of the written vector. */
        @Override
        public void write(long offset, int size, long value) {
            sources.get((int) value).interrupt();
        }
    }

    private static final class Function extends PciDevice {
        private final Engine engine;

        Function() {
            var made = new ArrayList<Engine>();
            super(
                    PciFunction.of(0x1234, 0x5678)
                            .bar(Bar.memory(0, 0x1000))
                            .capability(new Capability.MsiX(VECTORS, 0, TABLE, 0, PENDING))
                            .build(),
                    interrupts -> {
                        made.add(new Engine(interrupts));
                        return made;
                    });
            engine = made.getFirst();
        }
    }

    /** A client of the function, with each vector armed. */
    private record Guest(Client client, Function function, List<EventFd> events) {
        static Guest of(Rig rig) throws Exception {
            var function = new Function();
            Client client = rig.owned(
                    Client.connect(rig.socket(rig.platform.add(1, function))).negotiate());
            List<EventFd> events = new ArrayList<>();
            for (int vector = 0; vector < VECTORS; vector++) {
                events.add(rig.eventFd());
            }
            Fd[] fds = events.stream().map(EventFd::fd).toArray(Fd[]::new);
            client.ok(
                    Commands.SET_IRQS,
                    Requests.setIrqs(Requests.EVENTFD | Requests.TRIGGER, VfioPci.MSIX_IRQ, 0, VECTORS),
                    fds);
            return new Guest(client, function, events);
        }

        void command(int value) throws Exception {
            client.write(VfioPci.CONFIG_REGION, COMMAND, (byte) value, (byte) 0);
        }

        /** Enable is bit 15, the function's mask bit 14. */
        void msix(int value) throws Exception {
            client.write(VfioPci.CONFIG_REGION, MSIX_CONTROL, (byte) 0, (byte) (value >> 8));
        }

        /** Writes a whole table entry in one access of 16 bytes. */
        void program(int vector, boolean masked) throws Exception {
            byte[] entry = {0x0c, 0x10, (byte) 0xe0, (byte) 0xfe, 0, 0, 0, 0, (byte) vector, 0, 0, 0, 0, 0, 0, 0};
            entry[12] = (byte) (masked ? 1 : 0);
            client.write(VfioPci.BAR0_REGION, TABLE + 16L * vector, entry);
            assertArrayEquals(entry, client.read(VfioPci.BAR0_REGION, TABLE + 16L * vector, 16));
        }

        void ring(int vector) throws Exception {
            client.write(VfioPci.BAR0_REGION, 0, (byte) vector, (byte) 0, (byte) 0, (byte) 0);
        }

        /** The received messages by vector, and the pending bits. */
        void requires(String messages, int pending) throws Exception {
            var came = new StringBuilder();
            for (EventFd event : events) {
                came.append(event.read());
            }
            assertEquals(messages, came.toString(), "messages");
            assertEquals(pending, client.read(VfioPci.BAR0_REGION, PENDING, 8)[0], "pending");
        }
    }

    @FunctionalInterface
    private interface Script {
        void run(Guest guest) throws Exception;
    }

    private static Cases.Case of(Script script) {
        return (rig, other) -> script.run(Guest.of(rig));
    }

    @TestFactory
    Stream<DynamicTest> messages() {
        return new Cases()
                .add("a client that programs the table gets what it unmasks", of(guest -> {
                    guest.command(4);
                    guest.msix(0xc000);
                    guest.program(1, false);
                    guest.program(2, true);
                    guest.ring(1);
                    guest.ring(2);
                    guest.requires("0000", 6);
                    guest.msix(0x8000);
                    guest.requires("0100", 4);
                    guest.program(2, false);
                    guest.requires("0010", 0);
                    guest.ring(3);
                    guest.requires("0000", 8);
                }))
                .add("a client that keeps the table to itself gets what it arms", of(guest -> {
                    guest.command(4);
                    guest.msix(0xc000);
                    guest.msix(0x8000);
                    guest.ring(0);
                    guest.ring(3);
                    guest.requires("1001", 0);
                }))
                .add("without Bus Master Enable messages wait", of(guest -> {
                    guest.msix(0x8000);
                    guest.ring(2);
                    guest.requires("0000", 4);
                    guest.command(4);
                    guest.requires("0010", 0);
                }))
                .add("a reset masks, and clears what is pending and Bus Master Enable", of(guest -> {
                    guest.command(4);
                    guest.msix(0x8000);
                    guest.program(1, true);
                    guest.ring(1);
                    guest.requires("0000", 2);
                    guest.client.ok(Commands.RESET, new Payload());
                    assertArrayEquals(new byte[2], guest.client.read(VfioPci.CONFIG_REGION, COMMAND, 2));
                    assertEquals(1, guest.client.read(VfioPci.BAR0_REGION, TABLE + 12, 4)[0], "the mask of vector 0");
                    guest.command(4);
                    guest.msix(0x8000);
                    guest.requires("0000", 0);
                }))
                .add("SET_IRQS masks, as IRQ_INFO says", of(guest -> {
                    guest.command(4);
                    guest.msix(0x8000);
                    assertEquals(
                            11,
                            guest.client
                                    .ok(Commands.GET_IRQ_INFO, Requests.irqInfo(16, VfioPci.MSIX_IRQ))
                                    .u32(4));
                    guest.client.ok(
                            Commands.SET_IRQS, Requests.setIrqs(Requests.NONE | Requests.MASK, VfioPci.MSIX_IRQ, 1, 1));
                    guest.ring(1);
                    guest.requires("0000", 0);
                    guest.client.ok(
                            Commands.SET_IRQS,
                            Requests.setIrqs(Requests.NONE | Requests.UNMASK, VfioPci.MSIX_IRQ, 1, 1));
                    guest.requires("0100", 0);
                }))
                .run();
    }

    @TestFactory
    Stream<DynamicTest> memory() {
        return new Cases()
                .add("without Bus Master Enable the client's memory is out of reach", (rig, other) -> {
                    Guest guest = Guest.of(rig);
                    Fd memory = rig.memory(Rig.PAGE);
                    guest.client.ok(Commands.DMA_MAP, Requests.map(Requests.RW, 0, 0x10000, Rig.PAGE), memory);
                    VfioContext device = guest.function.engine.user();
                    assertEquals("EACCES", Dma.errno(() -> Dma.write(device, 0x10000, (byte) 7)));
                    guest.command(4);
                    assertEquals("ok", Dma.errno(() -> Dma.write(device, 0x10000, (byte) 7)));
                    assertArrayEquals(new byte[] {7}, Dma.read(device, 0x10000, 1));
                    guest.command(0);
                    assertEquals("EACCES", Dma.errno(() -> Dma.read(device, 0x10000, 1)));
                    assertEquals("EACCES", Dma.errno(() -> Dma.write(device, 0x10000, (byte) 8)));
                })
                .run();
    }
}
