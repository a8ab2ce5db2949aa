package mdev.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioPci;
import mdev.device.Region;
import mdev.pci.Capability.Express;
import mdev.pci.ExtendedCapability.ResizableBar;
import mdev.pci.ExtendedCapability.SerialNumber;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** PCI Express: 4 KiB of configuration space, extended capabilities, reset by the guest, ROM and resizable BARs. */
class ExpressTest {
    private static final long VRAM = 1L << 36;

    private static final Express EXPRESS = new Express(3, 16);
    private static final SerialNumber SERIAL = new SerialNumber(0x0102030405060708L);
    private static final ResizableBar RESIZABLE = new ResizableBar(2, 256L << 20, VRAM);
    private static final Window WINDOW = new Window();

    /** Vital Product Data (6.4), as a vendor would write it: an address with a flag, and the data of that address. */
    private record Vpd() implements Capability {
        @Override
        public int id() {
            return 0x03;
        }

        @Override
        public int length() {
            return 8;
        }

        @Override
        public void layOut(Layout at) {
            at.put(2, 2, 0, 0xffff);
            at.put(4, 4, 0, 0);
        }
    }

    /** A vendor's own extended capability (7.19): its length and revision, a register, and errors that stay. */
    private record Window() implements ExtendedCapability {
        @Override
        public int id() {
            return 0x0b;
        }

        @Override
        public int version() {
            return 2;
        }

        @Override
        public int length() {
            return 17;
        }

        @Override
        public void layOut(Layout at) {
            at.put(4, 4, 17 << 20 | 0xabc, 0);
            at.put(8, 4, 0x11223344, 0x00ffff00);
            at.put(12, 2, 0x5, 0);
            at.clearable(12, 2, 0xf);
        }
    }

    private final Vpd vpd = new Vpd();
    private final PciFunction function = PciFunction.of(0x1234, 0x5678)
            .bar(Bar.memory64(2, VRAM).prefetched())
            .rom(new byte[] {0x55, (byte) 0xaa, 1})
            .busMaster()
            .capability(vpd)
            .capability(EXPRESS)
            .capability(SERIAL)
            .capability(RESIZABLE)
            .capability(WINDOW)
            .build();
    private final List<String> calls = new ArrayList<>();
    private final Card device = new Card();

    private final class Card extends PciDevice {
        Card() {
            super(
                    function,
                    _ -> List.of(new Region() {
                        @Override
                        public void read(long offset, MemorySegment data, long dataOffset, int length) {}

                        @Override
                        public void write(long offset, MemorySegment data, long dataOffset, int length) {}

                        @Override
                        public void reset() {
                            calls.add("reset");
                        }
                    }));
        }

        /** VPD: the guest has written an address with the flag clear; the device answers with the data and sets it. */
        @Override
        protected void configWritten(int offset, int length) throws ErrnoException {
            calls.add("written %x+%d".formatted(offset, length));
            int at = function.offset(vpd);
            long address = getConfig(at + 2, 2);
            if (offset <= at + 3 && offset + length > at + 3 && address < 0x8000) {
                if (address > 0x100) {
                    throw new ErrnoException(Errno.EINVAL);
                }
                setConfig(at + 4, 4, 0x01010101L * address);
                setConfig(at + 2, 2, address | 0x8000);
            }
        }
    }

    private String config(int offset, int length) throws ErrnoException {
        byte[] data = new byte[length];
        device.read(VfioPci.CONFIG_REGION, offset, MemorySegment.ofArray(data), 0, length);
        return HexFormat.of().formatHex(data);
    }

    private void config(int offset, String hex) throws ErrnoException {
        byte[] data = HexFormat.of().parseHex(hex);
        device.write(VfioPci.CONFIG_REGION, offset, MemorySegment.ofArray(data), 0, data.length);
    }

    @Test
    void configurationSpaceHas4KiB() throws ErrnoException {
        assertEquals(4096, ((RegionInfo) device.ioctl(new GetRegionInfo(VfioPci.CONFIG_REGION))).size());
        assertEquals("00", config(4095, 1));
        assertThrows(ErrnoException.class, () -> config(4095, 2));
        var conventional = new TestDevice(PciFunction.of(1, 2).build());
        assertEquals(256, ((RegionInfo) conventional.ioctl(new GetRegionInfo(VfioPci.CONFIG_REGION))).size());
        assertThrows(ErrnoException.class, () -> conventional.config(256, 1));
    }

    @Test
    void expressCapabilityIsAnEndpointWithItsLink() throws ErrnoException {
        int at = function.offset(EXPRESS);
        assertEquals("10000200" + "00800010" + "10280000", config(at, 12), "version 2, an endpoint, FLR");
        assertEquals("03010000" + "00000301", config(at + 0x0c, 8), "8 GT/s, 16 lanes");
        assertEquals("0e000000" + "03000000", config(at + 0x2c, 8), "2.5 to 8 GT/s");
        config(at + 2, "ff".repeat(6));
        config(at + 8, "ff7f");
        config(at + 10, "ff".repeat(0x32));
        assertEquals("10000200" + "00800010" + "1f780000", config(at, 12), "what a guest can write");
        assertEquals("03010000" + "cb000301", config(at + 0x0c, 8));
        assertEquals("00".repeat(16), config(at + 0x14, 16), "slot and root registers");
        assertEquals("10000000" + "10000000" + "0e000000" + "0f000000", config(at + 0x24, 16));
    }

    @Test
    void functionWithoutALinkIsIntegratedInTheRootComplex() throws ErrnoException {
        var express = new Express(0, 0);
        var integrated = PciFunction.of(1, 2).capability(express).build();
        var one = new TestDevice(integrated);
        int at = integrated.offset(express);
        assertEquals("10009200", one.config(at, 4));
        one.config(at + 0x0c, "ff".repeat(8));
        assertEquals("00".repeat(8), one.config(at + 0x0c, 8));
    }

    @Test
    void extendedCapabilitiesAreChainedFrom0x100() throws ErrnoException {
        assertEquals(0x100, function.offset(SERIAL));
        assertEquals("0300c110" + "08070605" + "04030201", config(0x100, 12), "version 1, the next at 0x10c");
        assertEquals(0x10c, function.offset(RESIZABLE));
        assertEquals("15008111", config(0x10c, 4), "version 1, the next at 0x118");
        assertEquals(0x118, function.offset(WINDOW));
    }

    @Test
    void guestStartsAReset() throws ErrnoException {
        int control = function.offset(EXPRESS) + 8;
        config(4, "0600");
        config(control, "0f10");
        calls.clear();
        config(control, "0f90"); // 16 bits, with Initiate Function Level Reset
        assertEquals(List.of("reset", "written %x+2".formatted(control)), calls);
        assertEquals("0000", config(4, 2), "COMMAND");
        assertEquals("1028", config(control, 2), "Device Control");
        calls.clear();
        config(control + 1, "80");
        assertEquals("reset", calls.getFirst(), "by a byte");
        calls.clear();
        config(control, "ff");
        config(control + 1, "7f");
        config(control + 2, "8080");
        assertEquals(3, calls.size(), "by no other bit: " + calls);
    }

    @Test
    void vendorsCapabilityAnswersAWrite() throws ErrnoException {
        int at = function.offset(vpd);
        assertEquals("03", config(at, 1), "its id");
        config(at + 2, "fe00");
        assertEquals("fe80", config(at + 2, 2), "the flag says that the data are there");
        assertEquals("fefefefe", config(at + 4, 4), "the data");
        config(at + 4, "00000000");
        assertEquals("fefefefe", config(at + 4, 4), "cannot be written");
        device.ioctl(new Reset());
        assertEquals("00".repeat(6), config(at + 2, 6));
    }

    @Test
    void callbackFollowsTheMaskAndItsErrnoReachesTheUser() throws ErrnoException {
        int at = function.offset(vpd);
        calls.clear();
        var refused = assertThrows(ErrnoException.class, () -> config(at + 2, "0101"));
        assertEquals(Errno.EINVAL, refused.errno());
        assertEquals(List.of("written %x+2".formatted(at + 2)), calls);
        assertEquals("0101", config(at + 2, 2), "the bits have changed");
        calls.clear();
        config(0, "ffffffff");
        assertEquals(List.of("written 0+4"), calls, "also for what cannot be written");
        assertEquals("34127856", config(0, 4));
    }

    @Test
    void extendedCapabilityRegisterHasItsBits() throws ErrnoException {
        int at = function.offset(WINDOW);
        assertEquals("0b000200", config(at, 4), "version 2, the last one");
        config(at + 4, "ff".repeat(13));
        assertEquals("bc0a1001" + "44ffff11" + "0000", config(at + 4, 10));
        assertEquals(0x11ffff44L, device.getConfig(at + 8, 4));
        assertThrows(IndexOutOfBoundsException.class, () -> device.getConfig(4093, 4));
    }

    @ParameterizedTest(name = "size {0}: the BAR sizes as {1}")
    @CsvSource({
        "10, 0c000000f0ffffff", // 64 GiB, as after power-on
        "08, 0c0000f0ffffffff",
        "09, 0c0000e0ffffffff",
        "0b, 0c000080ffffffff",
        "0c, 0c000000ffffffff",
        "00, 0c0000f0ffffffff", // out of the range: the nearest
        "1f, 0c000000f0ffffff",
    })
    void guestSelectsTheSizeOfABar(String size, String sizing) throws ErrnoException {
        int at = function.offset(RESIZABLE);
        assertEquals("00f01f00" + "22100000", config(at + 4, 8), "256 MiB to 64 GiB, BAR2, one BAR, 64 GiB");
        config(0x18, "ffffffffffffffff");
        assertEquals("0c000000f0ffffff", config(0x18, 8));
        config(at + 9, "08");
        config(0x18, "ffffffffffffffff");
        assertEquals("0c0000f0ffffffff", config(0x18, 8));
        config(at + 9, size);
        assertEquals(sizing, config(0x18, 8), "bits beyond are 0");
        config(0x18, "ffffffffffffffff");
        assertEquals(sizing, config(0x18, 8));
        assertEquals(
                VRAM, ((RegionInfo) device.ioctl(new GetRegionInfo(2))).size(), "the region is as large as declared");
        device.ioctl(new Reset());
        config(0x18, "ffffffffffffffff");
        assertEquals("0c000000f0ffffff", config(0x18, 8));
    }

    @Test
    void romIsReadAndSized() throws ErrnoException {
        assertEquals(
                new RegionInfo(VfioPci.ROM_REGION, RegionInfo.READ, 2048),
                device.ioctl(new GetRegionInfo(VfioPci.ROM_REGION)));
        config(0x30, "ffffffff");
        assertEquals("01f8ffff", config(0x30, 4));
        config(4, "ffff");
        assertEquals("0600", config(4, 2), "a ROM is memory");
        byte[] data = new byte[5];
        device.read(VfioPci.ROM_REGION, 0, MemorySegment.ofArray(data), 0, 5);
        assertEquals("55aa01ffff", HexFormat.of().formatHex(data));
        var refused = assertThrows(
                ErrnoException.class, () -> device.write(VfioPci.ROM_REGION, 0, MemorySegment.ofArray(data), 0, 5));
        assertEquals(Errno.EINVAL, refused.errno());
        assertThrows(
                ErrnoException.class, () -> device.read(VfioPci.ROM_REGION, 2047, MemorySegment.ofArray(data), 0, 2));
    }

    @ParameterizedTest
    @CsvSource({"1, 2048", "2048, 2048", "2049, 4096", "65536, 65536", "16777216, 16777216"})
    void romSizeIsRoundedUp(int image, int size) throws ErrnoException {
        var one = new TestDevice(PciFunction.of(1, 2).rom(new byte[image]).build());
        assertEquals(size, ((RegionInfo) one.ioctl(new GetRegionInfo(VfioPci.ROM_REGION))).size());
    }

    static Stream<Arguments> impossible() {
        return Stream.<UnaryOperator<PciFunction.Builder>>of(
                        card -> card.capability(SERIAL),
                        card -> card.capability(EXPRESS).capability(new Express(0, 0)),
                        card -> card.capability(new Express(7, 1)),
                        card -> card.capability(new Express(1, 3)),
                        card -> card.capability(new Express(1, 0)),
                        card -> card.capability(new Express(0, 1)),
                        card -> card.capability(new Express(1, 64)),
                        card -> card.capability(EXPRESS).capability(RESIZABLE),
                        card -> card.bar(Bar.memory64(2, VRAM / 2))
                                .capability(EXPRESS)
                                .capability(RESIZABLE),
                        card -> card.capability(new ResizableBar(2, 1 << 19, 1 << 20)),
                        card -> card.capability(new ResizableBar(2, 1 << 21, 1 << 20)),
                        card -> card.capability(new ResizableBar(2, 3 << 20, 1 << 23)),
                        card -> card.capability(new ResizableBar(2, 1 << 20, 1L << 40)),
                        card -> card.capability(own(0x109, 8, 2, 4)),
                        card -> card.capability(own(0x09, 1, 2, 0)),
                        card -> card.capability(own(0x09, 8, 1, 1)), // over its header
                        card -> card.capability(own(0x09, 8, 6, 4)), // beyond its end
                        card -> card.rom(new byte[0]),
                        card -> card.rom(new byte[(16 << 20) + 1]),
                        card -> card.deviceSpecific(0x100, "x").capability(EXPRESS))
                .map(Arguments::of);
    }

    private static Capability own(int id, int length, int at, int size) {
        return new Capability() {
            @Override
            public int id() {
                return id;
            }

            @Override
            public int length() {
                return length;
            }

            @Override
            public void layOut(Layout layout) {
                layout.put(at, size, 0, 0);
            }
        };
    }

    @ParameterizedTest
    @MethodSource
    void impossible(UnaryOperator<PciFunction.Builder> declaration) {
        assertThrows(
                IllegalArgumentException.class,
                () -> declaration.apply(PciFunction.of(1, 2)).build());
    }

    @Test
    void offsetRequiresADeclaredObject() {
        assertThrows(IllegalArgumentException.class, () -> function.offset(new Capability.PowerManagement()));
    }
}
