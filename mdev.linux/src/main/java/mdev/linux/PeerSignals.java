package mdev.linux;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signals the eventfds of clients, so that a client that keeps its counter full blocks nobody else: by an
 * {@link AioContext} if the kernel has one for us, else by a thread for each client.
 */
public sealed interface PeerSignals extends AutoCloseable permits AioContext, SignalThreads {
    /** @throws LinuxException EMFILE, ENFILE: too many descriptors are open */
    static PeerSignals create() throws LinuxException {
        try {
            return AioContext.create();
        } catch (LinuxException e) {
            if (e.errno() == LinuxErrno.EMFILE || e.errno() == LinuxErrno.ENFILE) {
                throw e;
            }
            Logger log = LoggerFactory.getLogger(PeerSignals.class);
            log.info("{}: the eventfds of each client are signalled by a thread of its own", e.getMessage());
            return new SignalThreads();
        }
    }

    /** @param client the name of its thread, if it gets one */
    Signaller begin(String client);

    @Override
    void close();
}
