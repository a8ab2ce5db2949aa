package mdev.pci;

import static mdev.api.vfio.VfioPci.MSIX_IRQ;
import static mdev.api.vfio.VfioPci.MSI_IRQ;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.Reset;
import mdev.pci.Interrupts.Source;
import mdev.pci.PciFunction.Pin;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Messages as the guest allows them (PCI Local Bus 3.0, 6.8). A script is read from left to right; what it expects
 * stands in brackets: the messages that have come since the last brackets, or a value read.
 *
 * <p>What the guest writes: {@code bme} Bus Master Enable; {@code msix}, {@code fmask}, {@code msi} the bits of the
 * capabilities; {@code mask2} the mask bit of vector 2 in the MSI-X table; {@code msimask2} that of MSI; each with
 * {@code +} or {@code -}. What the device does: {@code x2}, {@code m2} a message of MSI-X, MSI; {@code x2!}, {@code
 * m2!} takes it back; {@code up}, {@code down} its source.
 */
class MessagesTest {
    private static final int VECTORS = 70;
    private static final int BAR_SIZE = 0x1000;
    private static final int TABLE = 0x400;
    private static final int PENDING = 0x900;

    private static final PciFunction FUNCTION = PciFunction.of(1, 2)
            .interruptPin(Pin.INTA)
            .bar(Bar.memory(4, BAR_SIZE))
            .capability(new Capability.Msi(8, true))
            .capability(new Capability.MsiX(VECTORS, 4, TABLE, 4, PENDING))
            .build();

    private final List<Interrupts> interrupts = new ArrayList<>();
    private final List<Source> sources = new ArrayList<>();
    private final MemorySegment vendor = MemorySegment.ofArray(new byte[BAR_SIZE]);
    private TestDevice device = make();

    private TestDevice make() {
        return new TestDevice(FUNCTION, made -> {
            interrupts.add(made);
            sources.add(made.source());
            return List.of(new MemoryRegion(vendor));
        });
    }

    /** Another object takes the device's place, as when its driver is updated. */
    private void replace() throws ErrnoException {
        device.stop();
        DeviceState state = device.save();
        device.release();
        device = make();
        device.open(user);
        device.restore(state);
        device.resume();
    }

    private UserIrqs user = new UserIrqs();

    private int capability(int id) throws ErrnoException {
        int at = Integer.parseInt(device.config(Header.CAPABILITY_LIST, 1), 16);
        while (Integer.parseInt(device.config(at, 1), 16) != id) {
            at = Integer.parseInt(device.config(at + 1, 1), 16);
        }
        return at;
    }

    private void bit(int at, int bit, boolean set) throws ErrnoException {
        int value = Integer.parseInt(device.config(at, 1), 16);
        device.config(at, "%02x".formatted(set ? value | bit : value & ~bit));
    }

    private void open() throws ErrnoException {
        device.open(user);
        for (int vector = 0; vector < VECTORS; vector++) {
            user.arm(MSIX_IRQ, vector);
        }
        for (int vector = 0; vector < 8; vector++) {
            user.arm(MSI_IRQ, vector);
        }
    }

    private void run(String script) throws ErrnoException {
        for (String step : script.strip().split("\\s+")) {
            step(step);
        }
    }

    private void step(String step) throws ErrnoException {
        boolean on = step.endsWith("+");
        int number = Integer.parseInt("0" + step.replaceAll("\\D", ""));
        switch (step.replaceAll("\\d+", "#").replaceAll("[+-]$", "")) {
            case "bme" -> bit(Header.COMMAND, Header.COMMAND_MASTER, on);
            case "msi" -> bit(capability(0x05) + 2, 0x31, on); // with all 8 vectors
            case "msimask#" -> bit(capability(0x05) + 16, 1 << number, on);
            case "msix" -> bit(capability(0x11) + 3, 0x80, on);
            case "fmask" -> bit(capability(0x11) + 3, 0x40, on);
            case "mask#" -> device.write(4, TABLE + 16 * number + 12, on ? "01000000" : "00000000");
            case "x#" -> interrupts.getLast().message(MSIX_IRQ, number);
            case "m#" -> interrupts.getLast().message(MSI_IRQ, number);
            case "x#!" -> interrupts.getLast().withdraw(MSIX_IRQ, number);
            case "m#!" -> interrupts.getLast().withdraw(MSI_IRQ, number);
            case "up" -> sources.getLast().level(true);
            case "down" -> sources.getLast().level(false);
            case "reset" -> device.ioctl(new Reset());
            case "reopen" -> {
                device.release();
                user = new UserIrqs();
                open();
            }
            default -> expect(step);
        }
    }

    /** {@code [x2x2m0]} messages, {@code [-]} none; {@code [pba=04]}, {@code [msipending=04]}, {@code [line=true]}. */
    private void expect(String step) throws ErrnoException {
        String what = step.substring(1, step.length() - 1);
        String name = what.replaceAll("=.*", "");
        String actual = switch (name) {
            case "pba" -> "pba=" + device.read(4, PENDING, 1);
            case "pba64" -> "pba64=" + device.read(4, PENDING + 8, 1);
            case "msipending" -> "msipending=" + device.config(capability(0x05) + 20, 1);
            case "line" -> "line=" + user.line();
            default -> messages();
        };
        assertEquals(what, actual);
    }

    private String messages() {
        var all = new StringBuilder();
        for (int index : new int[] {MSI_IRQ, MSIX_IRQ}) {
            for (int vector = 0; vector < VECTORS; vector++) {
                for (int i = user.signals(index, vector); i > 0; i--) {
                    all.append(index == MSI_IRQ ? "m" : "x").append(vector);
                }
                if (user.armed(index, vector)) {
                    user.arm(index, vector);
                }
            }
        }
        return all.isEmpty() ? "-" : all.toString();
    }

    /** A name, and below it the script. */
    private static final String SCRIPTS = """
            a message needs its kind enabled and Bus Master Enable:
                bme+ x1 m1 [-] msix+ x1 [x1] m1 [-] msix- msi+ m1 [m1] x1 [-]
            a kind that is not enabled keeps nothing for later:
                bme+ x1 [pba=00] msix+ [-]
            each message is sent:
                bme+ msix+ x1 x1 x2 [x1x1x2]
            without Bus Master Enable MSI-X is pending:
                msix+ x1 x1 [-] [pba=02] bme+ [x1] [pba=00] x1 [x1]
            without Bus Master Enable MSI is pending:
                msi+ m1 m1 [-] [msipending=02] bme+ [m1] [msipending=00]
            Bus Master Enable is cleared again:
                bme+ msix+ bme- x1 [-] bme+ [x1]
            a masked vector is pending until it is unmasked:
                bme+ msix+ mask1+ mask2- x1 x2 [x2] [pba=02] mask1- [x1] [pba=00]
            a vector beyond the first 64:
                bme+ msix+ mask69+ x69 [-] [pba64=20] mask69- [x69] [pba64=00]
            a masked function is pending until it is unmasked:
                bme+ msix+ fmask+ x0 x2 [-] [pba=05] fmask- [x0x2] [pba=00]
            function mask and vector mask both count:
                bme+ msix+ fmask+ mask2+ x2 fmask- [-] mask2- [x2]
            what keeps it last decides:
                msix+ fmask+ x3 fmask- [-] [pba=08] bme+ [x3]
            a write to the table shows that the user keeps it: then all others are masked:
                bme+ msix+ x2 [x2] mask1- x2 [-] mask2- [x2]
            MSI masks each vector:
                bme+ msi+ msimask1+ m1 m2 [m2] [msipending=02] msimask1- [m1] [msipending=00]
            disabling a kind forgets what is pending:
                bme+ msix+ fmask+ x1 msix- [pba=00] fmask- msix+ [-]
            a reset masks and forgets:
                bme+ msix+ mask1- mask2+ x2 [-] reset [pba=00] bme+ msix+ x2 [x2]
            another user finds nothing pending:
                bme+ msix+ mask1+ x1 reopen [pba=00] [-] x1 [x1]
            a message can be taken back while it is pending:
                bme+ msix+ mask1+ x1 x1! [pba=00] mask1- [-] x1 x1! [x1]
            so can one of MSI:
                bme+ msi+ msimask1+ m1 m1! [msipending=00] msimask1- [-]
            vectors that are not there:
                bme+ msix+ msi+ x70 m8 x70! m8! [-]
            a source sends message 0:
                bme+ msix+ up [x0] down [-] up [x0]
            a source that falls takes its pending message back:
                bme+ msix+ fmask+ up [pba=01] down [pba=00] fmask- [-]
            the line is silent while messages are enabled:
                up [line=true] msix+ [line=false] msix- [line=true] msi+ [line=false]
            the line needs no Bus Master Enable:
                up [line=true] bme+ bme- [line=true]
            """;

    static Stream<Arguments> scripts() {
        return Stream.of(SCRIPTS.split("\n(?=\\S)"))
                .map(entry -> entry.split(":\n", 2))
                .map(parts -> Arguments.of(parts[0], parts[1]));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("scripts")
    void followsTheMaskAndEnableBits(String name, String script) throws ErrnoException {
        open();
        run(script);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("scripts")
    void followsThemWithAnotherObjectAfterEachStep(String name, String script) throws ErrnoException {
        open();
        for (String step : script.strip().split("\\s+")) {
            step(step);
            replace();
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "masked and empty after power-on, 0x400, '', 16, 00000000000000000000000001000000",
        "so is the last vector, 0x850, '', 16, 00000000000000000000000001000000",
        "an address and data are kept, 0x410, 0c10e0fe000000003412000000000000, 16, 0c10e0fe000000003412000000000000",
        "by 8 bytes too, 0x418, 3412000000000000, 8, 3412000000000000",
        "addresses are aligned, 0x410, ffffffff, 4, fcffffff",
        "only the mask bit of the control is there, 0x41c, ffffffff, 4, 01000000",
        "narrower writes are undefined: ignored, 0x41c, 00, 4, 01000000",
        "narrower reads give their bytes, 0x41c, '', 1, 01",
        "the pending bits are read-only, 0x900, ffffffffffffffff, 8, 0000000000000000",
        "what lies before the table is the vendor's, 0x3fc, 01020304, 4, 01020304",
        "an access across its begin is cut, 0x3fc, 01020304fcfdfeff, 8, 01020304fcfdfeff",
        "an access across its end is cut, 0x85c, 0000000001020304, 8, 0000000001020304",
        "what lies behind the pending bits is the vendor's, 0x910, 01020304, 4, 01020304"
    })
    void structuresLieInTheBar(String name, String at, String written, int length, String expected)
            throws ErrnoException {
        device.write(4, Long.decode(at), written);
        assertEquals(expected, device.read(4, Long.decode(at), length));
    }

    @Test
    void vendorDoesNotSeeAccessesToTheStructures() throws ErrnoException {
        device.write(4, 0, "ff".repeat(BAR_SIZE));
        for (int at = 0; at < BAR_SIZE; at++) {
            boolean toolkit = (at >= TABLE && at < TABLE + 16 * VECTORS) || (at >= PENDING && at < PENDING + 16);
            assertEquals(toolkit ? 0 : -1, vendor.get(ValueLayout.JAVA_BYTE, at), "at " + at);
        }
    }

    @Test
    void resetMasksTheTable() throws ErrnoException {
        String fresh = device.read(4, TABLE, 16 * VECTORS);
        for (int vector = 0; vector < VECTORS; vector++) {
            device.write(4, TABLE + 16L * vector, "0c10e0fe000000003412000000000000");
        }
        assertFalse(fresh.equals(device.read(4, TABLE, 16 * VECTORS)), "the writes did something");
        device.ioctl(new Reset());
        assertEquals(fresh, device.read(4, TABLE, 16 * VECTORS));
    }

    @Test
    void msiHasAMaskBitForEachVector() throws ErrnoException {
        int msi = capability(0x05);
        assertEquals("8601", device.config(msi + 2, 2), "8 vectors, 64 bit, maskable");
        device.config(msi + 16, "ffffffffffffffff");
        assertEquals("ff000000" + "00000000", device.config(msi + 16, 8));
    }

    @Test
    void irqInfoReportsMaskable() throws ErrnoException {
        int flags = IrqInfo.EVENTFD | IrqInfo.NORESIZE | IrqInfo.MASKABLE;
        assertEquals(new IrqInfo(MSI_IRQ, flags, 8), device.ioctl(new GetIrqInfo(MSI_IRQ)));
        assertEquals(new IrqInfo(MSIX_IRQ, flags, VECTORS), device.ioctl(new GetIrqInfo(MSIX_IRQ)));
    }

    static Stream<Arguments> impossible() {
        return Stream.<UnaryOperator<PciFunction.Builder>>of(
                        card -> card.capability(new Capability.MsiX(4, 1, 0, 0, 0x800)),
                        card -> card.capability(new Capability.MsiX(4, 0, 0, 1, 0)),
                        card -> card.capability(new Capability.MsiX(4, 0, 0xfc8, 0, 0)),
                        card -> card.capability(new Capability.MsiX(4, 0, 0, 0, 0x1000)),
                        card -> card.capability(new Capability.MsiX(4, 0, 0, 0, 0x38)),
                        card -> card.capability(new Capability.MsiX(4, 2, 0, 0, 0)),
                        card -> card.capability(new Capability.MsiX(4, 0, -8, 0, 0)),
                        card -> card.capability(new Capability.Msi(1)).capability(new Capability.Msi(2)))
                .map(Arguments::of);
    }

    @ParameterizedTest
    @MethodSource
    void impossible(UnaryOperator<PciFunction.Builder> declaration) {
        var card = PciFunction.of(1, 2).bar(Bar.memory(0, 0x1000)).bar(Bar.io(2, 128));
        assertThrows(
                IllegalArgumentException.class, () -> declaration.apply(card).build());
    }

    @Test
    void tableCannotLieInMappedMemory() {
        var bar = Bar.memory(0, 0x4000);
        var function = PciFunction.of(1, 2)
                .bar(bar)
                .capability(new Capability.MsiX(4, 0, 0x2000, 0, 0x3000))
                .build();
        assertThrows(
                IllegalArgumentException.class, () -> new TestDevice(function, made -> List.of(bar.sharedMemory())));
        new TestDevice(function, made -> List.of(bar.sharedMemory(List.of(new Area(0, 0x2000)))));
    }

    /**
     * One thread unmasks while another sends: the message comes, once. Fails when {@code Messages} reads the rules
     * first.
     */
    @ParameterizedTest
    @CsvSource({"fmask+, fmask-", "mask0+, mask0-", "bme-, bme+"})
    void noMessageIsLostWhileTheGuestAllowsIt(String forbid, String allow) throws Exception {
        int rounds = 10_000;
        open();
        run("bme+ msix+ mask0-");
        var arrived = new AtomicInteger();
        try (var threads = Executors.newFixedThreadPool(2)) {
            Future<?> sender = threads.submit(() -> {
                for (int round = 0; round < rounds; round++) {
                    InterruptsTest.meet(arrived, 4 * round + 2);
                    interrupts.getLast().message(MSIX_IRQ, 0);
                    InterruptsTest.meet(arrived, 4 * round + 4);
                }
                return null;
            });
            Future<?> guest = threads.submit(() -> {
                for (int round = 0; round < rounds; round++) {
                    run(forbid);
                    InterruptsTest.meet(arrived, 4 * round + 2);
                    run(allow);
                    InterruptsTest.meet(arrived, 4 * round + 4);
                    assertEquals(round + 1, user.signals(MSIX_IRQ, 0), "messages");
                }
                return null;
            });
            guest.get();
            sender.get();
        }
    }
}
