package vfio.user.wire;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.SetIrqs;
import mdev.linux.Fd;

/**
 * {@code VFIO_USER_DEVICE_SET_IRQS}: argsz, flags, index, start, count and data. {@link SetIrqs} defines the rules for
 * flags, index and range; this class checks only the wire format.
 *
 * @param bools one per interrupt, with {@link SetIrqs#DATA_BOOL}
 */
public record SetIrqsRequest(int flags, int index, int start, int count, List<Boolean> bools) {
    public static final int BYTES = 20;
    private static final Command COMMAND = Command.DEVICE_SET_IRQS;
    /**
     * The maximum number of interrupts of a kind: the size field of the MSI-X capability (PCI Local Bus 3.0, 6.8.2.3).
     */
    private static final int MAX_COUNT = 2048;

    public SetIrqsRequest {
        bools = List.copyOf(bools);
    }

    /** The number of eventfds that a message of at least {@link #BYTES} bytes carries, if any. */
    public static int eventfds(Message message) {
        return (message.u32(4) & SetIrqs.DATA_EVENTFD) == 0 ? 0 : message.u32(16);
    }

    public static SetIrqsRequest of(Message message, List<Fd> fds) throws ErrnoException {
        Checks.sizes(message, COMMAND, BYTES);
        int flags = message.u32(4);
        int count = message.u32(16);
        Checks.require(count >= 0 && count <= MAX_COUNT, COMMAND, "count " + Integer.toUnsignedString(count));
        boolean eventfd = (flags & SetIrqs.DATA_EVENTFD) != 0;
        boolean bool = (flags & SetIrqs.DATA_BOOL) != 0;
        int data = message.payload() - BYTES;
        Checks.require(data == (bool ? count : 0), COMMAND, data + " bytes of data for " + count + " interrupts");
        Checks.require(
                Integer.compareUnsigned(message.u32(0), BYTES + data) >= 0, COMMAND, "argsz does not cover the data");
        Checks.require(fds.isEmpty() || eventfd, COMMAND, "descriptors without DATA_EVENTFD");
        Checks.require(
                fds.isEmpty() || fds.size() == count, COMMAND, fds.size() + " eventfds for " + count + " interrupts");
        List<Boolean> bools = new ArrayList<>(bool ? Collections.nCopies(count, false) : List.of());
        for (int i = 0; i < bools.size(); i++) {
            bools.set(i, message.u8(BYTES + i) != 0);
        }
        return new SetIrqsRequest(flags, message.u32(8), message.u32(12), count, bools);
    }
}
