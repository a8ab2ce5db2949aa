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

/** One reader of the stream: what waits for it, and the thread that sends it. */
final class UeventReader implements AutoCloseable {
    /** How far it may fall behind, besides what the socket holds. */
    private static final int BACKLOG = 4096;

    private final UnixSocket connection;
    private final Consumer<UeventReader> gone;

    /** The monitor guards all three: a line is sent, or counted as lost at its place in the order. */
    private final Queue<byte[]> waiting = new ArrayDeque<>();

    private long lost;
    private boolean closed;

    UeventReader(UnixSocket connection, Consumer<UeventReader> gone) {
        this.connection = connection;
        this.gone = gone;
    }

    void start() {
        Threads.start("mdev-uevents-send", this::send);
        Threads.start("mdev-uevents-watch", this::watch);
    }

    /**
     * Never waits. Once something is lost all is, until the reader has read what waits: then it learns how much it was.
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
            // It has gone.
        } finally {
            close();
            connection.close();
        }
    }

    /** Notices the end of a reader also while there is nothing to send; what it writes means nothing. */
    private void watch() {
        try (Arena arena = Arena.ofConfined()) {
            var ignored = arena.allocate(64);
            while (connection.receive(ignored, 0, ignored.byteSize(), 0) != UnixSocket.END) {}
        } catch (LinuxException e) {
            // It has gone in another way.
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
        gone.accept(this);
    }
}
