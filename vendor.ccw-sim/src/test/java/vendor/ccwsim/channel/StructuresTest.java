package vendor.ccwsim.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** The bytes of the structures of asm/cio.h, asm/scsw.h and orb.h, as an s390 host stores them. */
final class StructuresTest {
    private static final HexFormat HEX = HexFormat.of();

    private static MemorySegment bytes(String hex) {
        return MemorySegment.ofArray(HEX.parseHex(hex.replace(" ", "")));
    }

    private static String hex(MemorySegment bytes) {
        return HEX.formatHex(bytes.toArray(ValueLayout.JAVA_BYTE));
    }

    private static MemorySegment room(int size) {
        return MemorySegment.ofArray(new byte[size]).fill((byte) 0xee);
    }

    /** As Linux starts a program: key 0, format 1, prefetch, 64-bit IDAWs, all paths. */
    @Test
    void orb() {
        MemorySegment stored = bytes("0012b7e8 00c2ff80 7fffd198");
        var orb = new Orb(0x0012b7e8, Orb.FMT | Orb.PFCH | Orb.C64 | 0xff << 8 | Orb.ILS, 0x7fffd198);
        assertEquals(orb, Orb.read(stored, 0));
        assertEquals(0xff, orb.lpm());
        assertEquals(0, orb.key());
        MemorySegment written = room(Orb.SIZE);
        orb.write(written, 0);
        assertEquals(hex(stored), hex(written));
    }

    @Test
    void ccw() {
        var ccw = new Ccw(Ccw.SENSE_ID, Ccw.CC | Ccw.SLI, 7, 0x123456);
        MemorySegment format1 = room(Ccw.SIZE);
        ccw.writeFormat1(format1, 0);
        assertEquals("e460000700123456", hex(format1));
        assertEquals(ccw, Ccw.readFormat1(format1, 0));
        MemorySegment format0 = room(Ccw.SIZE);
        ccw.writeFormat0(format0, 0);
        assertEquals("e412345660000007", hex(format0));
        assertEquals(ccw, Ccw.readFormat0(format0, 0));
        assertEquals(new Ccw(Ccw.TIC, 0, 0, 0x123456), Ccw.readFormat0(bytes("f8123456 ffffffff"), 0));
        assertEquals(new Ccw(0xf8, 0xff, 0xffff, 0xfeffffff), Ccw.readFormat1(bytes("f8ffffff feffffff"), 0));
    }

    /** A unit check as the logs of Linux's DASD driver show it. */
    @Test
    void irb() {
        MemorySegment stored = bytes("00c04017 003e8010 0e001000 00800000" + "00".repeat(80));
        Irb irb = Irb.read(stored, 0);
        Scsw scsw = irb.scsw();
        assertEquals(
                new Scsw(
                        Scsw.control(
                                Scsw.FMT | Scsw.PFCH,
                                Scsw.FCTL_START_FUNC,
                                0,
                                Scsw.STCTL_ALERT_STATUS
                                        | Scsw.STCTL_PRIM_STATUS
                                        | Scsw.STCTL_SEC_STATUS
                                        | Scsw.STCTL_STATUS_PEND),
                        0x003e8010,
                        DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END | DeviceStatus.UNIT_CHECK,
                        0,
                        0x1000),
                scsw);
        assertEquals(Irb.of(scsw), irb);
        MemorySegment written = room(Irb.SIZE);
        irb.write(written, 0);
        assertEquals(hex(stored), hex(written));
    }

    @Test
    void scswFields() {
        Scsw scsw = Scsw.read(bytes("f3ff6fff ffffffff 12345678"), 0);
        assertEquals(0xf, scsw.key());
        assertEquals(3, scsw.cc());
        assertEquals(6, scsw.fctl());
        assertEquals(0x7f, scsw.actl());
        assertEquals(0x1f, scsw.stctl());
        assertEquals(0x12, scsw.dstat());
        assertEquals(0x34, scsw.cstat());
        assertEquals(0x5678, scsw.count());
    }

    @Test
    void schib() {
        MemorySegment stored = bytes("00010203 1881 0042 80 00 40 c0 1234 ff f0 0102030405060708 00000001"
                + "00c04007 00001008 0c000000" + "1122334455667788 99aabbcc");
        Schib schib = Schib.read(stored, 0);
        assertEquals(
                new Pmcw(
                        0x00010203,
                        3 << Pmcw.ISC_SHIFT | Pmcw.ENA | Pmcw.DNV,
                        0x42,
                        0x80,
                        0,
                        0x40,
                        0xc0,
                        0x1234,
                        0xff,
                        0xf0,
                        0x0102030405060708L,
                        1),
                schib.pmcw());
        assertEquals(0x1008, schib.scsw().cpa());
        assertEquals(0x1122334455667788L, schib.mba());
        assertEquals(0x99aabbcc, schib.mda());
        MemorySegment written = room(Schib.SIZE);
        schib.write(written, 0);
        assertEquals(hex(stored), hex(written));
    }

    @Test
    void crw() {
        var crw = new Crw(Crw.CHN, Crw.RSC_CPATH, true, Crw.ERC_INIT, 0xabcd);
        assertEquals(0x1482abcd, crw.word());
        assertEquals(crw, Crw.of(crw.word()));
    }
}
