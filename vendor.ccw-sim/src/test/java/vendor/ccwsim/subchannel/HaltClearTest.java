package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vendor.ccwsim.subchannel.ConsolePrograms.DATA;
import static vendor.ccwsim.subchannel.ConsolePrograms.ENDED;
import static vendor.ccwsim.subchannel.ConsolePrograms.awaitActive;
import static vendor.ccwsim.subchannel.ConsolePrograms.ended;
import static vendor.ccwsim.subchannel.ConsolePrograms.print;
import static vendor.ccwsim.subchannel.ConsolePrograms.waiting;

import java.util.UUID;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.Scsw;

/** The halt and clear functions, which the guest requests in the command region. */
@Timeout(300)
class HaltClearTest {
    private static final int SENSE = 0x04;

    private final Css css;

    HaltClearTest() throws ErrnoException {
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
}
