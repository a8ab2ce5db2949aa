package mdev.fuse.uevent;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;
import mdev.fuse.thread.Threads;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import org.jspecify.annotations.Nullable;

/** One reader of the stream: its queue and the thread that sends from it. */
final class UeventReader implements AutoCloseable {
    /** The maximum number of queued lines, in addition to the socket buffer. */
    private static final int BACKLOG = 4096;

    private final UnixSocket connection;
    private final Consumer<UeventReader> onEnd;

    /** The monitor guards all three fields: a line is sent, or counted as lost at its place in the order. */
    private final Queue<byte[]> waiting = new ArrayDeque<>();

    private long lost;
    private boolean closed;

    UeventReader(UnixSocket connection, Consumer<UeventReader> onEnd) {
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
                try (Arena arena = Arena.ofConfined()) {
                    connection.send(arena.allocateFrom(JAVA_BYTE, line), 0, line.length);
                }
            }
        } catch (LinuxException | InterruptedException e) {
            // The reader has disconnected.
        } finally {
            close();
            connection.close();
        }
    }

    /** Detects a disconnected reader even if nothing is to be sent; input from the reader is ignored. */
    private void watch() {
        try (Arena arena = Arena.ofConfined()) {
            var ignored = arena.allocate(64);
            while (connection.receive(ignored, 0, ignored.byteSize(), 0) != UnixSocket.END) {}
        } catch (LinuxException e) {
            // The connection has failed.
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
        connection.shutdown();
        onEnd.accept(this);
    }
}
