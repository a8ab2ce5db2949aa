package mdev.metrics;

import java.io.IOException;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers HTTP requests on a listening channel: at most {@link #CLIENTS} at a time, each within {@link #REQUEST}, so
 * that a stalled client delays only other scrapers.
 */
final class MetricsServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MetricsServer.class);
    static final int CLIENTS = 4;
    private static final Duration REQUEST = Duration.ofSeconds(5);
    private static final Duration RETRY = Duration.ofMillis(100);

    private final ServerSocketChannel listener;
    private final Supplier<byte[]> text;
    private final Semaphore slots = new Semaphore(CLIENTS);
    private final Set<SocketChannel> clients = ConcurrentHashMap.newKeySet();
    private final FaultLog faults = new FaultLog(LOG, "the metrics");

    /** @param text the current metrics */
    MetricsServer(ServerSocketChannel listener, Supplier<byte[]> text) {
        this.listener = listener;
        this.text = text;
    }

    /** Pairs with {@link #close}. */
    void start() {
        Thread.ofPlatform().daemon().name("mdev-metrics").start(this::accept);
    }

    private void accept() {
        while (listener.isOpen()) {
            slots.acquireUninterruptibly(); // released when the client's exchange ends, within its deadline
            try {
                SocketChannel client = listener.accept();
                clients.add(client);
                Thread.ofPlatform().daemon().name("mdev-metrics-client").start(() -> serve(client));
            } catch (IOException | OutOfMemoryError e) { // out of descriptors or threads
                slots.release();
                if (listener.isOpen()) {
                    faults.report("accepting a scraper", e);
                    Deadline.in(RETRY).poll(RETRY, () -> !listener.isOpen());
                }
            }
        }
    }

    private void serve(SocketChannel client) {
        try (client) {
            if (listener.isOpen()) {
                Exchange.serve(client, text, Deadline.in(REQUEST));
            }
        } catch (IOException e) {
            LOG.debug("a scraper was not answered", e);
        } catch (RuntimeException e) {
            faults.report("a scrape", e);
        } finally {
            clients.remove(client);
            slots.release();
        }
    }

    @Override
    public void close() {
        close(listener);
        clients.forEach(MetricsServer::close);
    }

    private static void close(Channel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            LOG.debug("closing {}", channel, e);
        }
    }
}
