package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vendor.ccwsim.subchannel.ConsolePrograms.DATA;
import static vendor.ccwsim.subchannel.ConsolePrograms.ended;
import static vendor.ccwsim.subchannel.ConsolePrograms.inquire;
import static vendor.ccwsim.subchannel.ConsolePrograms.ioRegion;
import static vendor.ccwsim.subchannel.ConsolePrograms.print;
import static vendor.ccwsim.subchannel.ConsolePrograms.read;
import static vendor.ccwsim.subchannel.ConsolePrograms.waiting;
import static vendor.ccwsim.subchannel.Guest.refused;

import java.lang.foreign.MemorySegment;
import java.util.List;
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
import vendor.ccwsim.channel.Scsw;
import vendor.ccwsim.channel.SubchannelStatus;

/** A device in the hands of a guest: what it says of itself, its regions, and how its use ends. */
@Timeout(300)
class VfioCcwDeviceTest {
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
}
