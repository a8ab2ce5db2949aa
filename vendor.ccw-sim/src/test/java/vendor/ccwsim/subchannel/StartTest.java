package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vendor.ccwsim.subchannel.ConsolePrograms.DATA;
import static vendor.ccwsim.subchannel.ConsolePrograms.ENDED;
import static vendor.ccwsim.subchannel.ConsolePrograms.WRITE_ACR;
import static vendor.ccwsim.subchannel.ConsolePrograms.ended;
import static vendor.ccwsim.subchannel.ConsolePrograms.inquire;
import static vendor.ccwsim.subchannel.ConsolePrograms.print;
import static vendor.ccwsim.subchannel.ConsolePrograms.read;
import static vendor.ccwsim.subchannel.ConsolePrograms.waiting;
import static vendor.ccwsim.subchannel.Guest.refused;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.Orb;
import vendor.ccwsim.channel.Scsw;
import vendor.ccwsim.channel.SubchannelStatus;
import vfio.mdev.Await;

/** The start function: programs of a guest run, and interrupt it with their status. */
@Timeout(300)
class StartTest {
    private static final int SENSE = 0x04;

    private final Css css;

    StartTest() throws ErrnoException {
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
