package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vendor.ccwsim.subchannel.ConsolePrograms.DATA;
import static vendor.ccwsim.subchannel.ConsolePrograms.ENDED;
import static vendor.ccwsim.subchannel.ConsolePrograms.WRITE_ACR;
import static vendor.ccwsim.subchannel.ConsolePrograms.awaitActive;
import static vendor.ccwsim.subchannel.ConsolePrograms.ended;
import static vendor.ccwsim.subchannel.ConsolePrograms.inquire;
import static vendor.ccwsim.subchannel.ConsolePrograms.ioRegion;
import static vendor.ccwsim.subchannel.ConsolePrograms.print;
import static vendor.ccwsim.subchannel.ConsolePrograms.read;
import static vendor.ccwsim.subchannel.ConsolePrograms.waiting;
import static vendor.ccwsim.subchannel.Guest.refused;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.VfioCcw;
import mdev.api.vfio.VfioDevice;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.Orb;
import vendor.ccwsim.channel.Scsw;
import vendor.ccwsim.channel.SubchannelStatus;
import vfio.mdev.Await;

/** A device used by a guest through VFIO: programs, interrupts, halt and clear. */
@Timeout(300)
class VfioCcwDeviceTest {
    private static final int SENSE = 0x04;
    private static final String CONFIGURE = Css.PARENT + "chp0.40/configure";
    private static final int RW = RegionInfo.READ | RegionInfo.WRITE;
    private static final int READ_CAPS = RegionInfo.READ | RegionInfo.CAPS;

    private final Css css;

    VfioCcwDeviceTest() throws ErrnoException {
        css = new Css(SubchannelAttachment.CONSOLE);
    }

    @AfterEach
    void close() {
        css.close();
    }

    private Operator operator(UUID uuid) throws ErrnoException {
        return css.consoles.find(uuid.toString());
    }

    @Test
    void parentHasOneDeviceOfTheKernelsType() throws ErrnoException {
        assertEquals("I/O subchannel (Non-QDIO)\n", css.platform.read(Css.TYPE + "name"));
        assertEquals("vfio-ccw\n", css.platform.read(Css.TYPE + "device_api"));
        assertEquals("1\n", css.platform.read(Css.TYPE + "available_instances"));
        UUID uuid = css.create();
        assertEquals("0\n", css.platform.read(Css.TYPE + "available_instances"));
        refused(Errno.EPERM, css::create);
        css.platform.write("/sys/bus/mdev/devices/" + uuid + "/remove", "1");
        assertEquals("1\n", css.platform.read(Css.TYPE + "available_instances"));
        refused(Errno.ENODEV, () -> operator(uuid));
        css.create();
    }

    @Test
    void describesItselfAsVfioCcw() throws ErrnoException {
        try (Guest guest = css.guest()) {
            VfioDevice device = guest.device();
            assertEquals(new DeviceInfo(DeviceInfo.CCW | DeviceInfo.RESET, 4, 3), device.ioctl(new GetInfo()));
            assertEquals(
                    List.of(
                            new RegionInfo(0, RW, 124),
                            new RegionInfo(1, RW | RegionInfo.CAPS, 8, typed(1)),
                            new RegionInfo(2, READ_CAPS, 52, typed(2)),
                            new RegionInfo(3, READ_CAPS, 8, typed(3))),
                    List.of(region(device, 0), region(device, 1), region(device, 2), region(device, 3)));
            refused(Errno.EINVAL, () -> region(device, 4));
            for (int irq : new int[] {VfioCcw.IO_IRQ, VfioCcw.CRW_IRQ, VfioCcw.REQ_IRQ}) {
                assertEquals(new IrqInfo(irq, IrqInfo.EVENTFD, 1), device.ioctl(new GetIrqInfo(irq)));
            }
            refused(Errno.EINVAL, () -> device.ioctl(new GetIrqInfo(3)));
        }
    }

    private static List<RegionCapability> typed(int subtype) {
        return List.of(new RegionCapability.Type(2, subtype));
    }

    private static RegionInfo region(VfioDevice device, int index) throws ErrnoException {
        return (RegionInfo) device.ioctl(new GetRegionInfo(index));
    }

    @Test
    void accessesOutsideOfTheRegionsAreRefused() throws ErrnoException {
        try (Guest guest = css.guest()) {
            MemorySegment data = MemorySegment.ofArray(new byte[128]);
            long[][] accesses = {{0, 124, 1}, {0, 1, 124}, {1, 8, 1}, {2, 0, 53}, {3, 4, 5}, {4, 0, 1}, {0, 1L << 40, 4}
            };
            for (long[] access : accesses) {
                refused(Errno.EINVAL, () -> guest.device().read((int) access[0], access[1], data, 0, (int) access[2]));
                refused(Errno.EINVAL, () -> guest.device().write((int) access[0], access[1], data, 0, (int) access[2]));
            }
            for (int region : new int[] {Guest.SCHIB_REGION, Guest.CRW_REGION}) {
                refused(Errno.EINVAL, () -> guest.device().write(region, 0, data, 0, 4));
            }
            guest.device().read(Guest.CRW_REGION, 0, data, 0, 8);
            assertArrayEquals(new byte[128], (byte[]) data.heapBase().orElseThrow(), "no channel report");
        }
    }

    @Test
    void programPrintsOnTheConsole() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            Scsw status = print(guest, "IPL complete").run();
            ended(status);
            assertEquals(0, status.count());
            assertEquals(Scsw.FCTL_START_FUNC, status.fctl());
            assertEquals(0x108, status.cpa());
            assertEquals("IPL complete\n", operator(uuid).printed());
            ended(print(guest, "again").run());
            assertEquals("IPL complete\nagain\n", operator(uuid).printed());
        }
    }

    /** The write of the status word alone starts the I/O; that of the ORB alone does not. */
    @Test
    void anyWriteOfARequestStartsIt() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            print(guest, "x");
            MemorySegment region = MemorySegment.ofArray(new byte[124]);
            new Orb(0, Orb.FMT | Orb.PFCH, 0x100).write(region, 0);
            new Scsw(Scsw.control(0, Scsw.FCTL_START_FUNC, 0, 0), 0, 0, 0, 0).write(region, 12);
            guest.device().write(0, 0, region, 0, 12);
            guest.device().write(0, 12, region, 12, 12);
            ended(guest.interrupted());
            assertEquals("x\n", operator(uuid).printed());
            assertTrue(guest.quiet());
        }
    }

    @Test
    void unknownCommandIsAUnitCheckThatSenseExplains() throws Exception {
        try (Guest guest = css.guest()) {
            Scsw rejected = guest.ccw(0x05, 0, 1, DATA).run();
            assertEquals(ENDED | DeviceStatus.UNIT_CHECK, rejected.dstat());
            ended(guest.ccw(SENSE, 0, 1, DATA).run());
            assertArrayEquals(new byte[] {(byte) 0x80}, guest.get(DATA, 1));
        }
    }

    @Test
    void waitingReadGetsWhatTheOperatorTypes() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            waiting(guest);
            refused(Errno.EBUSY, () -> print(guest, "x").start());
            assertEquals(-Errno.EBUSY.number(), guest.retCode(0));
            operator(uuid).type("query time");
            Scsw status = guest.interrupted();
            ended(status);
            assertEquals("query time", read(guest, status));
            assertTrue(guest.quiet());
        }
    }

    @Test
    void lineWithoutAReadIsAttentionAndThenRead() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            operator(uuid).type("logon");
            Scsw attention = guest.interrupted();
            assertEquals(DeviceStatus.ATTENTION, attention.dstat());
            assertEquals(Scsw.STCTL_ALERT_STATUS | Scsw.STCTL_STATUS_PEND, attention.stctl());
            assertEquals(0, attention.fctl());
            inquire(guest);
            Scsw status = guest.run();
            ended(status);
            assertEquals("logon", read(guest, status));
            guest.async(Guest.HALT);
            assertEquals(Scsw.FCTL_HALT_FUNC, guest.interrupted().fctl(), "no attention is left");
        }
    }

    /** Otherwise it would overwrite the status of the program, which the user has not read. */
    @Test
    void attentionWaitsUntilTheStatusIsRead() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            operator(uuid).type("one");
            guest.interrupted();
            operator(uuid).type("two");
            assertEquals(DeviceStatus.ATTENTION, guest.interrupted().dstat());
            inquire(guest).start(); // ends, with a line left
            Await.until("the program's end", () -> !guest.quiet());
            assertEquals("one", read(guest, guest.interrupted()));
            assertEquals(DeviceStatus.ATTENTION, guest.interrupted().dstat());
            assertTrue(guest.quiet());
        }
    }

    @Test
    void haltEndsAWaitingRead() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            waiting(guest);
            guest.async(Guest.HALT);
            Scsw status = guest.interrupted();
            assertEquals(Scsw.FCTL_START_FUNC | Scsw.FCTL_HALT_FUNC, status.fctl());
            assertEquals(Scsw.STCTL_STATUS_PEND, status.stctl());
            assertEquals(0, status.actl());
            ended(print(guest, "next").run());
            operator(uuid).type("kept");
            assertEquals(DeviceStatus.ATTENTION, guest.interrupted().dstat(), "the read no longer waits");
        }
    }

    @Test
    void clearEndsAWaitingReadAndResetsTheDevice() throws Exception {
        try (Guest guest = css.guest()) {
            assertEquals(
                    ENDED | DeviceStatus.UNIT_CHECK,
                    guest.ccw(0x05, 0, 1, DATA).run().dstat());
            waiting(guest);
            guest.async(Guest.CLEAR);
            Scsw status = guest.interrupted();
            assertEquals(new Scsw(status.control(), 0, 0, 0, 0), status);
            assertEquals(Scsw.FCTL_CLEAR_FUNC, status.fctl());
            assertEquals(Scsw.STCTL_STATUS_PEND, status.stctl());
            guest.ccw(0x05, 0, 1, DATA).run();
            guest.async(Guest.CLEAR);
            guest.interrupted();
            ended(guest.ccw(SENSE, 0, 1, DATA).run());
            assertArrayEquals(new byte[1], guest.get(DATA, 1));
        }
    }

    @Test
    void haltAndClearOfAnIdleSubchannelArePerformed() throws Exception {
        try (Guest guest = css.guest()) {
            guest.async(Guest.HALT);
            assertEquals(Scsw.FCTL_HALT_FUNC, guest.interrupted().fctl());
            guest.async(Guest.CLEAR);
            assertEquals(Scsw.FCTL_CLEAR_FUNC, guest.interrupted().fctl());
            assertEquals(0, guest.retCode(Guest.ASYNC_CMD_REGION));
            ended(print(guest, "x").run());
        }
    }

    /** A program that never ends by itself: sense ID, transfer in channel. */
    @Test
    void clearEndsALoop() throws Exception {
        try (Guest guest = css.guest()) {
            guest.ccw(0xe4, Guest.CHAIN_COMMAND, 7, DATA).ccw(0x08, 0, 0, 0x100).start();
            awaitActive(guest);
            guest.async(Guest.CLEAR);
            assertEquals(Scsw.FCTL_CLEAR_FUNC, guest.interrupted().fctl());
            ended(print(guest, "x").run());
        }
    }

    @Test
    void requestsThatTheDriverLacksAreRefused() throws Exception {
        try (Guest guest = css.guest()) {
            print(guest, "x");
            var orb = new Orb(0, Orb.FMT | Orb.PFCH, 0x100);
            refused(Errno.EOPNOTSUPP, () -> guest.write(orb, Scsw.FCTL_HALT_FUNC));
            assertEquals(-Errno.EOPNOTSUPP.number(), guest.retCode(0));
            refused(Errno.EOPNOTSUPP, () -> guest.write(orb, Scsw.FCTL_CLEAR_FUNC));
            refused(
                    Errno.EOPNOTSUPP,
                    () -> guest.write(new Orb(0, orb.control() | Orb.TRANSPORT_MODE, 0x100), Scsw.FCTL_START_FUNC));
            refused(
                    Errno.EACCES,
                    () -> guest.write(new Orb(0, orb.control() | 0x7f << 8, 0x100), Scsw.FCTL_START_FUNC));
            refused(Errno.EINVAL, () -> guest.async(3));
            assertEquals(-Errno.EINVAL.number(), guest.retCode(Guest.ASYNC_CMD_REGION));
            guest.write(orb, 0); // no function: nothing
            ended(guest.run());
            assertEquals(0, guest.retCode(0));
            assertTrue(guest.quiet());
        }
    }

    @Test
    void malformedProgramFaultsOnlyItsDevice() throws Exception {
        UUID uuid = css.create();
        try (Css other = new Css(SubchannelAttachment.CONSOLE);
                Guest neighbour = other.guest();
                Guest guest = css.guest(uuid)) {
            waiting(neighbour);
            refused(Errno.EINVAL, () -> guest.start(0x7000_0000)); // not mapped
            Scsw status = guest.ccw(0x00, 0, 1, DATA).run();
            assertEquals(SubchannelStatus.PROGRAM_CHECK, status.cstat());
            ended(print(guest, "alive").run());
            assertEquals("alive\n", operator(uuid).printed());
            assertTrue(neighbour.quiet());
            assertTrue((neighbour.schib().scsw().actl() & Scsw.ACTL_SCHACT) != 0);
        }
    }

    @Test
    void resetCancelsTheProgramWithoutAnInterrupt() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            waiting(guest);
            guest.device().ioctl(new Reset());
            assertEquals(0, guest.schib().scsw().fctl());
            ended(print(guest, "after").run());
            assertTrue(guest.quiet());
            assertEquals("after\n", operator(uuid).printed());
        }
    }

    @Test
    void closeCancelsTheProgramAndEndsTheThread() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            waiting(guest);
            assertTrue(threads() > 0);
        }
        assertEquals(0, threads());
        operator(uuid).type("early");
        try (Guest next = css.guest(uuid)) {
            assertArrayEquals(new byte[124], ioRegion(next), "nothing of the previous user");
            inquire(next);
            assertEquals("early", read(next, next.run()));
        }
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("ccw-0.0.0042") && thread.isAlive())
                .count();
    }

    @Test
    void unmappingTheMemoryOfAProgramResetsTheDevice() throws Exception {
        try (Guest guest = css.guest()) {
            waiting(guest);
            guest.open.container().ioctl(UnmapDma.all());
            assertEquals(0, guest.schib().scsw().fctl());
            assertTrue(guest.quiet());
        }
    }

    @Test
    void subchannelInformationFollowsTheProgram() throws Exception {
        try (Guest guest = css.guest()) {
            assertEquals(0x42, guest.schib().pmcw().dev());
            assertEquals(0x80, guest.schib().pmcw().pam());
            assertEquals(0, guest.schib().scsw().fctl());
            waiting(guest);
            assertEquals(Scsw.FCTL_START_FUNC, guest.schib().scsw().fctl());
        }
    }

    @Test
    void channelPathThatGoesAndComesIsReported() throws Exception {
        try (Guest guest = css.guest()) {
            waiting(guest);
            css.platform.write(CONFIGURE, "0\n");
            assertEquals(
                    Scsw.FCTL_START_FUNC | Scsw.FCTL_HALT_FUNC,
                    guest.interrupted().fctl());
            guest.reported();
            assertEquals(0, guest.schib().pmcw().pam());
            refused(Errno.ENODEV, () -> print(guest, "x").start());
            assertEquals(-Errno.ENODEV.number(), guest.retCode(0));
            css.platform.write(CONFIGURE, "0\n"); // no change
            css.platform.write(CONFIGURE, "1\n");
            guest.reported();
            assertEquals(0x04060040, guest.report());
            guest.reported(); // another report is left
            assertEquals(0x04020040, guest.report());
            assertEquals(0, guest.report());
            ended(guest.run());
            refused(Errno.EINVAL, () -> css.platform.write(CONFIGURE, "off\n"));
        }
    }

    @Test
    void diskKeepsItsBlocks() throws Exception {
        try (Css disks = new Css(SubchannelAttachment.disk(1))) {
            UUID uuid = disks.create();
            byte[] block = new byte[512];
            new Random(1).nextBytes(block);
            try (Guest guest = disks.guest(uuid)) {
                guest.put(0x2000, block);
                ended(transfer(guest, 0x00, 0x5, 0x41, 7).run());
                ended(guest.ccw(0xe4, Guest.SUPPRESS_LENGTH, 7, DATA).run());
                assertArrayEquals(new byte[] {(byte) 0xff, 0x63, 0x10}, guest.get(DATA, 3));
            }
            disks.update();
            try (Guest guest = disks.guest(uuid)) {
                ended(transfer(guest, 0x40, 0x6, 0x42, 7).run());
                assertArrayEquals(block, guest.get(0x2000, 512));
                guest.put(DATA, (byte) 6, (byte) 0, (byte) 0, (byte) 1, (byte) 0, (byte) 0, (byte) 0, (byte) 0);
                Scsw locate = guest.ccw(0x43, 0, 8, DATA).run();
                assertEquals(ENDED | DeviceStatus.UNIT_CHECK, locate.dstat(), "the extent was the previous program's");
                ended(transfer(guest, 0x40, 0x6, 0x42, 8).run());
                assertArrayEquals(new byte[512], guest.get(0x2000, 512));
                Scsw beyond = transfer(guest, 0x40, 0x6, 0x42, 2048).run();
                assertEquals(ENDED | DeviceStatus.UNIT_CHECK, beyond.dstat());
                ended(guest.ccw(SENSE, 0, 24, DATA).run());
                assertEquals((byte) 0x80, guest.get(DATA, 1)[0]);
            }
        }
    }

    /** Define extent, locate, and the transfer of one block at 0x2000. */
    private static Guest transfer(Guest guest, int mask, int operation, int command, int block) {
        byte[] extent = {(byte) mask, 0, 2, 0, 0, 0, (byte) (block >> 8), (byte) block, 0, 0, 0, 0, 0, 0, 0, 0};
        byte[] locate = {(byte) operation, 0, 0, 1, 0, 0, 0, 0};
        return guest.put(DATA, extent)
                .put(DATA + 16, locate)
                .ccw(0x63, Guest.CHAIN_COMMAND, 16, DATA)
                .ccw(0x43, Guest.CHAIN_COMMAND, 8, DATA + 16)
                .ccw(command, 0, 512, 0x2000);
    }

    /** Program-controlled interruption in the first CCW: intermediate status, then the end. */
    @Test
    void intermediateStatusDoesNotEndTheProgram() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            byte[] text = "x".getBytes(Guest.EBCDIC);
            guest.put(DATA, Arrays.copyOf(text, 1)).ccw(WRITE_ACR, Guest.CHAIN_COMMAND | Guest.PCI, 1, DATA);
            inquire(guest).start();
            Scsw intermediate = guest.interrupted();
            assertTrue((intermediate.stctl() & Scsw.STCTL_INTER_STATUS) != 0);
            assertEquals(SubchannelStatus.PCI, intermediate.cstat());
            refused(Errno.EBUSY, () -> print(guest, "y").start());
            operator(uuid).type("go");
            assertEquals("go", read(guest, guest.interrupted()));
        }
    }
}
