package mdev.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Reset;
import mdev.pci.PciFunction.Devsel;
import mdev.pci.PciFunction.Pin;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Configuration space as a guest sees it: values after power-on, write masks, sizing, capabilities. */
class ConfigSpaceTest {
    private static final ValueLayout.OfShort STATUS =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static PciFunction.Builder card() {
        return PciFunction.of(0x1234, 0x5678)
                .revision(0x9a)
                .classCode(0x038001)
                .subsystem(0x1af4, 0x1100)
                .devsel(Devsel.MEDIUM)
                .interruptPin(Pin.INTB)
                .busMaster()
                .bar(Bar.io(0, 32))
                .bar(Bar.memory(1, 0x1000))
                .bar(Bar.memory64(2, 1L << 34).prefetched())
                .bar(Bar.memory(5, 16).prefetched());
    }

    @ParameterizedTest(name = "{1} bytes at {0} are {2}")
    @CsvSource({
        "0x00, 8, 3412785600000002",
        "0x08, 4, 9a018003",
        "0x10, 16, 01000000000000000c00000000000000",
        "0x20, 8, 0000000008000000",
        "0x2c, 4, f41a0011",
        "0x34, 12, 000000000000000000020000",
        "0x01, 3, 127856", // unaligned
        "0x07, 5, 029a018003", // across registers
    })
    void readsTheDeclaration(String offset, int length, String expected) throws ErrnoException {
        assertEquals(expected, new TestDevice(card().build()).config(Integer.decode(offset), length));
    }

    @ParameterizedTest(name = "{1} written to {0} reads {2}")
    @CsvSource({
        "0x00, ffffffff, 34127856", // ids are read-only
        "0x04, ffff, 0704", // I/O, memory, master, INTx disable
        "0x04, ff, 07",
        "0x05, ff, 04",
        "0x06, ffff, 0002", // STATUS: writing 1 sets nothing
        "0x08, ffffffff, 9a018003",
        "0x0c, ffffffff, 00000000",
        "0x10, ffffffff, e1ffffff", // sizing I/O
        "0x10, 2fc10000, 21c10000", // an address keeps the low bits
        "0x11, ff, ff", // a byte of a BAR alone
        "0x14, ffffffff, 00f0ffff", // sizing 32-bit memory
        "0x18, ffffffffffffffff, 0c000000fcffffff", // sizing 64-bit memory, 16 GiB
        "0x24, ffffffff, f8ffffff",
        "0x12, aabbccdd, aabb00d0", // across two BARs
        "0x2c, 00000000, f41a0011",
        "0x30, ffffffff, 00000000", // no ROM
        "0x3c, 0b05, 0b02", // the line is the guest's, the pin is not
    })
    void masksWrites(String offset, String written, String expected) throws ErrnoException {
        var device = new TestDevice(card().build());
        device.config(Integer.decode(offset), written);
        assertEquals(expected, device.config(Integer.decode(offset), expected.length() / 2));
    }

    @Test
    void commandHasOnlyTheDeclaredBits() throws ErrnoException {
        var device = new TestDevice(
                PciFunction.of(1, 2).bar(Bar.io(0, 8)).decodingAtPowerOn().build());
        assertEquals("0100", device.config(4, 2));
        device.config(4, "ffff");
        assertEquals("0100", device.config(4, 2));
        device.config(4, "0000");
        assertEquals("0000", device.config(4, 2));
    }

    @Test
    void statusErrorsStayUntilOneIsWritten() throws ErrnoException {
        var config = new ConfigSpace(card().build(), at -> 0);
        var bytes = MemorySegment.ofArray(new byte[2]);
        config.raiseStatus(0xffff);
        config.read(Header.STATUS, bytes, 0, 2);
        assertEquals(0xfb00, bytes.get(STATUS, 0) & 0xffff, "errors and DEVSEL, nothing else");
        bytes.set(STATUS, 0, (short) 0x3000);
        config.write(Header.STATUS, bytes, 0, 2);
        config.read(Header.STATUS, bytes, 0, 2);
        assertEquals(0xcb00, bytes.get(STATUS, 0) & 0xffff, "only what was written as 1 is cleared");
    }

    @Test
    void resetRebuildsTheDeclaration() throws ErrnoException {
        var device = new TestDevice(card().build());
        String fresh = device.config(0, 256);
        for (int offset = 0; offset < 256; offset++) {
            device.config(offset, "ff");
        }
        assertTrue(!fresh.equals(device.config(0, 256)), "the writes did something");
        device.ioctl(new Reset());
        assertEquals(fresh, device.config(0, 256));
    }

    @Test
    void capabilitiesAreChainedInOrderAroundDeviceSpecificBytes() throws ErrnoException {
        var device = new TestDevice(PciFunction.of(1, 2)
                .bar(Bar.memory(4, 0x1000))
                .deviceSpecific(0x44, "AB")
                .capability(new Capability.PowerManagement())
                .capability(new Capability.Msi(4))
                .capability(new Capability.MsiX(3, 4, 0x800, 4, 0xc00))
                .capability(new Capability.VendorSpecific("xyz"))
                .build());
        assertEquals("1000", device.config(6, 2), "STATUS says that there is a list");
        assertEquals("4142", device.config(0x44, 2));
        int power = Integer.parseInt(device.config(0x34, 1), 16);
        assertEquals("01", device.config(power, 1));
        int msi = next(device, power);
        assertEquals("05", device.config(msi, 1));
        int msix = next(device, msi);
        assertEquals("11", device.config(msix, 1));
        int vendor = next(device, msix);
        assertEquals("09", device.config(vendor, 1));
        assertEquals(0, next(device, vendor), "the list ends");

        assertEquals("0300" + "0800" + "0000", device.config(power + 2, 6));
        device.config(power + 4, "ffff");
        assertEquals("0b00", device.config(power + 4, 2), "the power state is writable");

        assertEquals("8400", device.config(msi + 2, 2), "64 bit, 4 vectors");
        device.config(msi + 2, "ffffffffffffffffffffffff");
        assertEquals("f500" + "fcffffff" + "ffffffff" + "ffff", device.config(msi + 2, 12));

        assertEquals("0200" + "04080000" + "040c0000", device.config(msix + 2, 10));
        device.config(msix + 2, "ffffffffffffffffffff");
        assertEquals("02c0" + "04080000" + "040c0000", device.config(msix + 2, 10), "enable and mask are writable");

        assertEquals("06" + "78797a", device.config(vendor + 2, 4), "length, data");
        device.config(4, "ffff");
        assertEquals("0600", device.config(4, 2), "messages need bus mastering");
    }

    private static int next(TestDevice device, int capability) throws ErrnoException {
        int next = Integer.parseInt(device.config(capability + 1, 1), 16);
        assertEquals(0, next & 3, "capabilities are aligned");
        return next;
    }

    static Stream<Arguments> impossible() {
        return Stream.<UnaryOperator<PciFunction.Builder>>of(
                        card -> card.revision(0x100),
                        card -> card.classCode(-1),
                        card -> card.subsystem(0x10000, 0),
                        card -> card.bar(Bar.io(1, 6)),
                        card -> card.bar(Bar.io(1, 2)),
                        card -> card.bar(Bar.memory(1, 8)),
                        card -> card.bar(Bar.memory(6, 16)),
                        card -> card.bar(Bar.memory(-1, 16)),
                        card -> card.bar(Bar.memory64(5, 16)),
                        card -> card.bar(Bar.memory(1, 1L << 32)),
                        card -> card.bar(Bar.io(1, 8).prefetched()),
                        card -> card.bar(Bar.io(1, 8)).bar(Bar.io(1, 8)),
                        card -> card.bar(Bar.memory64(1, 16)).bar(Bar.io(2, 8)),
                        card -> card.capability(new Capability.Msi(3)),
                        card -> card.capability(new Capability.MsiX(0, 0, 0, 0, 0)),
                        card -> card.capability(new Capability.MsiX(1, 0, 4, 0, 0)),
                        card -> card.capability(new Capability.VendorSpecific("x".repeat(200))),
                        card -> card.deviceSpecific(0x3f, "x"),
                        card -> card.deviceSpecific(0xff, "xy"),
                        card -> card.deviceSpecific(0x40, "x").deviceSpecific(0x40, "y"))
                .map(Arguments::of);
    }

    @ParameterizedTest
    @MethodSource
    void impossible(UnaryOperator<PciFunction.Builder> declaration) {
        assertThrows(
                IllegalArgumentException.class,
                () -> declaration.apply(PciFunction.of(1, 2)).build());
    }
}
