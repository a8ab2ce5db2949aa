package mdev.fuse.uevent;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;
import mdev.fuse.thread.Threads;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One reader of the stream: its queue and the thread that sends from it. */
final class UeventReader implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(UeventReader.class);

    /** The maximum number of queued lines, in addition to the socket buffer. */
    private static final int BACKLOG = 4096;

    private final SocketChannel connection;
    private final Consumer<UeventReader> onEnd;

    /** The monitor guards all three fields: a line is sent, or counted as lost at its place in the order. */
    private final Queue<byte[]> waiting = new ArrayDeque<>();

    private long lost;
    private boolean closed;

    UeventReader(SocketChannel connection, Consumer<UeventReader> onEnd) {
        this.connection = connection;
        this.onEnd = onEnd;
    }

    void start() {
        Threads.start("mdev-uevents-send", this::send);
        Threads.start("mdev-uevents-watch", this::watch);
    }

    /**
     * Never blocks. After the first lost line, all lines are dropped until the reader has emptied the queue; it then
     * receives the number of lost lines.
     */
    synchronized void offer(byte[] line) {
        if (lost > 0 || waiting.size() == BACKLOG) {
            lost++;
        } else {
            waiting.add(line);
            notifyAll();
        }
    }

    private synchronized byte @Nullable [] next() throws InterruptedException {
        while (waiting.isEmpty() && lost == 0 && !closed) {
            wait();
        }
        if (closed) {
            return null;
        }
        byte[] line = waiting.poll();
        if (line == null) {
            line = Line.lost(lost);
            lost = 0;
        }
        return line;
    }

    private void send() {
        try {
            for (byte[] line = next(); line != null; line = next()) {
                ByteBuffer bytes = ByteBuffer.wrap(line);
                while (bytes.hasRemaining()) {
                    connection.write(bytes);
                }
            }
        } catch (IOException | InterruptedException e) {
            log.trace("the reader has disconnected", e);
        } finally {
            close();
        }
    }

    /** Detects a disconnected reader even if nothing is to be sent; input from the reader is ignored. */
    private void watch() {
        ByteBuffer ignored = ByteBuffer.allocate(64);
        try {
            while (connection.read(ignored.clear()) >= 0) {}
        } catch (IOException e) {
            log.trace("the connection has failed", e);
        }
        close();
    }

    /** Ends the connection; the threads end. Idempotent. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            connection.close();
        } catch (IOException e) {
            log.debug("closing the connection", e);
        }
        onEnd.accept(this);
    }
}
