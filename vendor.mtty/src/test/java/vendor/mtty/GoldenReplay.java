package vendor.mtty;

import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.UUID;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.VfioPci;

/**
 * Replays a transcript on a fresh {@code mtty-2} device and compares the answers.
 *
 * <p>Its user unmasks INTx after each line, as a driver does when it has served the interrupt. A signal caused by the
 * unmask, because the line is still high, is not counted: only signals during an operation count.
 */
final class GoldenReplay {
    private final MttyDevice device = new MttyDevice(new UUID(0, 1), MttyType.DUAL);
    private final UserIrqs user = new UserIrqs();
    private final Deviations deviations;
    private boolean userMasks;

    GoldenReplay(Deviations deviations) throws ErrnoException {
        this.deviations = deviations;
        device.open(user);
    }

    void play(GoldenLine line) throws ErrnoException {
        switch (line.get("op")) {
            case "rd" -> {
                String value = read(line.number("bar"), line.number("reg"), 1);
                deviations.check(line, "val", "0x" + value);
            }
            case "wr" ->
                write(line.number("bar"), line.number("reg"), line.get("val").substring(2));
            case "pread" -> {
                reopen(line);
                String value = read(line.number("region"), line.offset(), line.number(line.has("len") ? "len" : "ret"));
                check(line, value);
                deviations.check(line, "hex", value);
            }
            case "pwrite" -> check(line, write(line.number("region"), line.offset(), line.get("hex")));
            case "pread at offset -1" -> check(line, read(VfioPci.CONFIG_REGION, -1, 4));
            case "ioctl" -> ioctl(line);
            default -> {
                // A note, a count of the lines above, or a bad pointer of the recorded process.
            }
        }
        deviations.check(line, "intx", Integer.toString(user.takeIntx()));
        deviations.check(line, "msi", Integer.toString(user.takeMsi()));
        if (!userMasks) {
            user.mask(false);
        }
        user.takeIntx();
    }

    private void ioctl(GoldenLine line) {
        if (line.get("cmd").equals("VFIO_DEVICE_SET_IRQS")) {
            setIrqs(line);
            return;
        }
        try {
            IoctlReply reply = device.ioctl(GoldenIoctls.request(line));
            deviations.check(line, "ret", "0");
            GoldenIoctls.fields(reply).forEach((field, value) -> deviations.check(line, "out." + field, value));
        } catch (ErrnoException e) {
            check(line, e.errno().toString());
        }
    }

    /**
     * Handles SET_IRQS as the framework does, which owns the user's triggers. The transcript first tries invalid
     * requests, which do not reach the vendor.
     */
    private void setIrqs(GoldenLine line) {
        if (!line.has("intx")) {
            return;
        }
        int index = line.number("in.index");
        switch (line.number("in.flags")) {
            case 0x24 -> {
                if (!line.get("case").contains("999")) {
                    user.arm(index, !line.get("case").contains("-1"));
                }
            }
            case 0x21 -> user.arm(index, false);
            case 0x09, 0x11 -> {
                if (index == VfioPci.INTX_IRQ) {
                    userMasks = line.number("in.flags") == 0x09;
                    user.mask(userMasks);
                }
            }
            default -> throw new IllegalArgumentException(line.toString());
        }
    }

    /** The device was closed and reopened before such a line. */
    private void reopen(GoldenLine line) throws ErrnoException {
        if (line.get("case").equals("after re-open")) {
            device.release();
            device.open(user);
        }
    }

    /** Compares the result of a call: the errno's name, or all of its bytes. */
    private void check(GoldenLine line, String outcome) {
        boolean failed = outcome.startsWith("E");
        deviations.check(line, "ret", failed ? "-1" : Integer.toString(outcome.length() / 2));
        deviations.check(line, "errno", failed ? outcome : "");
    }

    private String read(int region, long offset, int length) {
        byte[] data = new byte[length];
        try {
            if (length > 0) {
                device.read(region, offset, MemorySegment.ofArray(data), 0, length);
            }
            return HexFormat.of().formatHex(data);
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }

    private String write(int region, long offset, String hex) {
        byte[] data = HexFormat.of().parseHex(hex);
        try {
            device.write(region, offset, MemorySegment.ofArray(data), 0, data.length);
            return hex;
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }
}
