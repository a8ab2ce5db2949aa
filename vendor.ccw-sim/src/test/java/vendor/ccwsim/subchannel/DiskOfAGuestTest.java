package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vendor.ccwsim.subchannel.ConsolePrograms.DATA;
import static vendor.ccwsim.subchannel.ConsolePrograms.ENDED;
import static vendor.ccwsim.subchannel.ConsolePrograms.ended;

import java.util.Random;
import java.util.UUID;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.Scsw;

/** A disk in memory, with programs as those of dasd_fba. */
@Timeout(300)
class DiskOfAGuestTest {
    private static final int SENSE = 0x04;

    private final Css css;

    DiskOfAGuestTest() throws ErrnoException {
        css = new Css(SubchannelAttachment.disk(1));
    }

    @AfterEach
    void close() {
        css.close();
    }

    @Test
    void keepsItsBlocksForTheNextUserAndThroughAnUpdate() throws Exception {
        UUID uuid = css.create();
        byte[] block = new byte[512];
        new Random(1).nextBytes(block);
        try (Guest guest = css.guest(uuid)) {
            guest.put(0x2000, block);
            ended(transfer(guest, 0x00, 0x5, 0x41, 7).run());
            ended(guest.ccw(0xe4, Guest.SUPPRESS_LENGTH, 7, DATA).run());
            assertArrayEquals(new byte[] {(byte) 0xff, 0x63, 0x10}, guest.get(DATA, 3));
        }
        css.update();
        try (Guest guest = css.guest(uuid)) {
            ended(transfer(guest, 0x40, 0x6, 0x42, 7).run());
            assertArrayEquals(block, guest.get(0x2000, 512));
            ended(transfer(guest, 0x40, 0x6, 0x42, 8).run());
            assertArrayEquals(new byte[512], guest.get(0x2000, 512));
        }
    }

    @Test
    void rejectsWhatIsNotOnItOrNotOfTheProgram() throws Exception {
        try (Guest guest = css.guest()) {
            ended(transfer(guest, 0x40, 0x6, 0x42, 2047).run());
            guest.put(DATA, (byte) 6, (byte) 0, (byte) 0, (byte) 1, (byte) 0, (byte) 0, (byte) 0, (byte) 0);
            Scsw locate = guest.ccw(0x43, 0, 8, DATA).run();
            assertEquals(ENDED | DeviceStatus.UNIT_CHECK, locate.dstat(), "the extent was the previous program's");
            Scsw beyond = transfer(guest, 0x40, 0x6, 0x42, 2048).run();
            assertEquals(ENDED | DeviceStatus.UNIT_CHECK, beyond.dstat());
            ended(guest.ccw(SENSE, 0, 24, DATA).run());
            assertEquals((byte) 0x80, guest.get(DATA, 1)[0]);
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
}
