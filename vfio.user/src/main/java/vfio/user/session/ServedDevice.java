package vfio.user.session;

import java.time.Duration;
import java.util.function.Supplier;
import mdev.api.vfio.Vfio;
import mdev.linux.PeerSignals;
import vfio.user.trace.MessageCounters;
import vfio.user.trace.TraceSwitch;

/**
 * The data of a device that its connections share.
 *
 * @param name its UUID in lower case
 * @param group the number of its group
 * @param options supplies the current options; a connection uses those of its beginning
 * @param signals signals the eventfds of clients
 * @param quarantine closes files of clients
 * @param spinners the connections of this process that poll
 */
public record ServedDevice(
        Vfio vfio,
        String name,
        int group,
        Supplier<Options> options,
        MessageCounters counters,
        TraceSwitch trace,
        ClientLog log,
        PeerSignals signals,
        Quarantine quarantine,
        Spinners spinners) {
    Spinning spinning() {
        return new Spinning(options.get().spins(), spinners);
    }

    Duration answer() {
        return options.get().answer();
    }

    ClientLimits limits() {
        return options.get().limits();
    }
}
