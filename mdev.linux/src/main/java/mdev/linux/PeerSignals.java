package mdev.linux;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signals the eventfds of clients, so that a client that keeps its counter full delays only itself: through an {@link
 * AioContext} if the kernel provides one, otherwise on a thread per client.
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

    /** @param client the name of the client's thread, if there is one */
    Signaller begin(String client);

    @Override
    void close();
}
