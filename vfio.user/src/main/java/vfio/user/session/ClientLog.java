package vfio.user.session;

import java.util.EnumSet;
import java.util.Set;
import mdev.api.errno.ErrnoException;
import mdev.sync.FaultLog;
import mdev.sync.LimitedLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.wire.Command;

/**
 * Logs the clients of one device. The lines are limited, regardless of messages and connections: a client must not
 * fill the disk. A trace is complete. Thread-safe.
 */
public final class ClientLog {
    private static final Logger LOG = LoggerFactory.getLogger(ClientLog.class);

    /** Clients use them to discover a device: QEMU queries interrupts and features that a device may lack. */
    private static final Set<Command> QUESTIONS = EnumSet.of(
            Command.DEVICE_GET_REGION_INFO,
            Command.DEVICE_GET_REGION_IO_FDS,
            Command.DEVICE_GET_IRQ_INFO,
            Command.DEVICE_FEATURE);

    private final String device;
    private final LimitedLog refusals = new LimitedLog();
    private final LimitedLog ends = new LimitedLog();
    private final FaultLog faults;

    /** @param device its UUID in lower case */
    public ClientLog(String device) {
        this.device = device;
        this.faults = new FaultLog(LOG, "device " + device);
    }

    /** A client's message was answered with an errno; not logged if the message is a query. */
    void refused(int command, ErrnoException reason) {
        if (QUESTIONS.contains(Command.of(command))) {
            return;
        }
        refusals.log(more -> LOG.info("device {}: {} refused: {}{}", device, name(command), reason.toString(), more));
    }

    /** The server failed in a command. */
    void failed(int command, Throwable fault) {
        faults.report(name(command), fault);
    }

    /** A connection broke. */
    void ended(Exception reason) {
        ends.log(more -> LOG.debug("device {}: the connection ended: {}{}", device, reason.toString(), more));
    }

    private static String name(int number) {
        Command command = Command.of(number);
        return command == null ? "command " + number : command.name();
    }
}
