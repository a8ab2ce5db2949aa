package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.Scsw;
import vfio.mdev.Await;

/** Channel programs for a console, and what a guest sees of them. */
final class ConsolePrograms {
    static final int WRITE_ACR = 0x09;
    static final int READ_INQUIRY = 0x0a;
    static final int DATA = 0x1000;
    static final int ENDED = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END;

    private ConsolePrograms() {}

    static void ended(Scsw status) {
        assertEquals(ENDED, status.dstat(), status::toString);
        assertEquals(0, status.cstat(), status::toString);
        assertEquals(0, status.actl(), status::toString);
    }

    static Guest print(Guest guest, String text) {
        byte[] bytes = text.getBytes(Guest.EBCDIC);
        return guest.put(DATA, bytes).ccw(WRITE_ACR, 0, bytes.length, DATA);
    }

    static Guest inquire(Guest guest) {
        return guest.ccw(READ_INQUIRY, Guest.SUPPRESS_LENGTH, 80, DATA);
    }

    static String read(Guest guest, Scsw status) {
        return new String(guest.get(DATA, 80 - status.count()), Guest.EBCDIC);
    }

    /** Starts a read inquiry and waits until the device waits for the operator. */
    static void waiting(Guest guest) throws ErrnoException {
        inquire(guest).start();
        awaitActive(guest);
    }

    static void awaitActive(Guest guest) {
        Await.until("the program is active", () -> {
            try {
                return (guest.schib().scsw().actl() & Scsw.ACTL_SCHACT) != 0;
            } catch (ErrnoException e) {
                throw new AssertionError(e);
            }
        });
    }

    static byte[] ioRegion(Guest guest) throws ErrnoException {
        byte[] bytes = new byte[124];
        guest.device().read(0, 0, MemorySegment.ofArray(bytes), 0, bytes.length);
        return bytes;
    }
}
