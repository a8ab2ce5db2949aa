package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vendor.ccwsim.subchannel.ConsolePrograms.DATA;
import static vendor.ccwsim.subchannel.ConsolePrograms.WRITE_ACR;
import static vendor.ccwsim.subchannel.ConsolePrograms.ended;
import static vendor.ccwsim.subchannel.ConsolePrograms.inquire;
import static vendor.ccwsim.subchannel.ConsolePrograms.ioRegion;
import static vendor.ccwsim.subchannel.ConsolePrograms.print;
import static vendor.ccwsim.subchannel.ConsolePrograms.read;
import static vendor.ccwsim.subchannel.ConsolePrograms.waiting;
import static vendor.ccwsim.subchannel.Guest.refused;

import java.lang.foreign.MemorySegment;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceMigration;
import mdev.api.vfio.MigrationState;
import mdev.api.vfio.Reset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.Scsw;
import vfio.mdev.Await;

/** A device whose driver is updated, or that is migrated, while its guest uses it. */
@Timeout(300)
final class UpdatedSubchannelTest {
    private static final String CONFIGURE = Css.PARENT + "chp0.40/configure";

    private final Css css;

    UpdatedSubchannelTest() throws ErrnoException {
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
    void channelReportsAreBoundedAndLiveThroughAnUpdate() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            for (int i = 0; i < 9; i++) {
                css.platform.write(CONFIGURE, "0");
                css.platform.write(CONFIGURE, "1");
            }
            css.platform.write(CONFIGURE, "0");
            css.update();
            assertEquals("0\n", css.platform.read(CONFIGURE));
            for (int i = 0; i < 15; i++) {
                assertEquals(i % 2 == 0 ? 0x04060040 : 0x04020040, guest.report());
            }
            assertEquals(0x24020040, guest.report(), "the last has the overflow bit");
            assertEquals(0, guest.report());
        }
    }

    @Test
    void idleDeviceLivesThroughAnUpdate() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            ended(print(guest, "before").run());
            byte[] before = ioRegion(guest);
            css.update();
            assertArrayEquals(before, ioRegion(guest));
            ended(print(guest, "after").run());
            assertEquals("before\nafter\n", operator(uuid).printed());
        }
    }

    @Test
    void attentionThatWaitsLivesThroughAnUpdate() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            print(guest, "x").start();
            Await.until("the program's end", () -> !guest.quiet());
            operator(uuid).type("logon");
            css.update();
            ended(guest.interrupted());
            assertEquals(DeviceStatus.ATTENTION, guest.interrupted().dstat());
        }
    }

    @Test
    void waitingReadLivesThroughAnUpdate() throws Exception {
        UUID uuid = css.create();
        try (Guest guest = css.guest(uuid)) {
            byte[] text = "name?".getBytes(Guest.EBCDIC);
            guest.put(DATA, text).ccw(WRITE_ACR, Guest.CHAIN_COMMAND, text.length, DATA);
            inquire(guest).start();
            Await.until("the question", () -> {
                try {
                    return operator(uuid).printed().equals("name?\n");
                } catch (ErrnoException e) {
                    throw new AssertionError(e);
                }
            });
            css.update();
            css.update();
            refused(Errno.EBUSY, () -> print(guest, "x").start());
            assertTrue(guest.quiet());
            operator(uuid).type("root");
            Scsw status = guest.interrupted();
            ended(status);
            assertEquals(0x110, status.cpa());
            assertEquals("root", read(guest, status));
            assertEquals("name?\nroot\n", operator(uuid).printed(), "the question is asked once");
        }
    }

    /** As a migration to another platform moves it, with its guest's memory. */
    @Test
    void waitingReadIsMigrated() throws Exception {
        UUID uuid = css.create();
        try (Css other = new Css(SubchannelAttachment.CONSOLE);
                Guest source = css.guest(uuid)) {
            waiting(source);
            DeviceMigration from = source.device().migration();
            from.setState(MigrationState.STOP_COPY);
            refused(Errno.EBUSY, () -> operator(uuid).type("lost"));
            UUID next = other.create();
            try (Guest destination = other.guest(next)) {
                DeviceMigration to = destination.device().migration();
                to.setState(MigrationState.RESUMING);
                MemorySegment part = MemorySegment.ofArray(new byte[1 << 16]);
                for (int length; (length = from.read(part, 0, 1 << 16)) > 0; ) {
                    to.write(part, 0, length);
                }
                destination.memory.copyFrom(source.memory);
                to.setState(MigrationState.RUNNING);
                other.consoles.find(next.toString()).type("found");
                Scsw status = destination.interrupted();
                ended(status);
                assertEquals("found", read(destination, status));
            }
            from.setState(MigrationState.RUNNING);
            operator(uuid).type("kept");
            assertEquals("kept", read(source, source.interrupted()), "a source that goes on is as before");
        }
    }

    @Test
    void stateThatIsNoneIsRefused() throws Exception {
        try (Guest guest = css.guest()) {
            DeviceMigration to = guest.device().migration();
            to.setState(MigrationState.RESUMING);
            assertThrows(ErrnoException.class, () -> {
                to.write(MemorySegment.ofArray(new byte[64]), 0, 64);
                to.setState(MigrationState.RUNNING);
            });
            guest.device().ioctl(new Reset());
            ended(print(guest, "x").run());
        }
    }

    @Test
    void closedDeviceLivesThroughAnUpdate() throws Exception {
        UUID uuid = css.create();
        operator(uuid).type("early");
        css.update();
        try (Guest guest = css.guest(uuid)) {
            inquire(guest);
            assertEquals("early", read(guest, guest.run()));
        }
        assertFalse(operator(uuid).printed().isEmpty());
    }
}
