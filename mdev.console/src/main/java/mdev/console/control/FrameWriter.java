package mdev.console.control;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import mdev.sync.Deadline;

/**
 * Writes frames on its own thread, which is never interrupted: an interrupt would close the socket. If the client reads
 * slowly, threads that print block; other frames are few and never wait.
 */
public final class FrameWriter {
    private static final int CHUNK = 32 * 1024;
    private static final int CHUNKS_WAITING = 16;

    /** The types of frames that wait for room; other frames are few. */
    private static final Set<FrameType> LIMITED =
            EnumSet.of(FrameType.OUT, FrameType.ERR, FrameType.STATUS, FrameType.CANDIDATES);

    /** Marks the end of {@link #queue}; compared by identity. */
    private final Frame end = Frame.of(FrameType.EOF);

    private final Wire wire;
    private final BlockingQueue<Frame> queue = new LinkedBlockingQueue<>();
    private final Semaphore room = new Semaphore(CHUNKS_WAITING);
    private final Thread thread;

    /** No more output is accepted; threads that wait for room are released. */
    private volatile boolean finished;

    public FrameWriter(Wire wire, String name) {
        this.wire = wire;
        this.thread = Thread.ofPlatform().daemon().name(name).unstarted(this::write);
    }

    public void start() {
        thread.start();
    }

    /** Any thread may call; does not block. */
    public void send(Frame frame) {
        queue.add(frame);
    }

    /** As {@link #send}, for answers: a client that does not receive them delays its own lines. */
    void answer(Frame frame) throws InterruptedException {
        if (!room.tryAcquire()) { // an interrupted line is answered, too
            room.acquire();
        }
        queue.add(frame);
    }

    private void awaitRoom() throws IOException {
        try {
            room.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (InterruptedIOException) new InterruptedIOException().initCause(e);
        }
        if (finished) {
            room.release(); // for the next waiting thread
            throw new IOException("the session has ended");
        }
    }

    /** Accepts no more output; the thread ends once it has written the queued frames. */
    public void finish() {
        finished = true;
        queue.add(end);
        room.release(CHUNKS_WAITING);
    }

    /** Waits for the end; false if the peer has not received everything by the deadline. */
    boolean await(Deadline deadline) {
        return deadline.join(thread);
    }

    /** A stream whose bytes are sent as frames of the type. */
    OutputStream stream(FrameType type) {
        return new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                for (int at = offset; at < offset + length; at += CHUNK) {
                    awaitRoom();
                    queue.add(new Frame(type, Arrays.copyOfRange(bytes, at, Math.min(at + CHUNK, offset + length))));
                }
            }
        };
    }

    private void write() {
        boolean broken = false;
        try {
            for (Frame frame = queue.take(); frame != end; frame = queue.take()) {
                try {
                    if (!broken) {
                        wire.write(frame);
                    }
                } catch (IOException e) {
                    // The reader detects it, too; until then no thread may block waiting for room.
                    broken = true;
                }
                if (LIMITED.contains(frame.type())) {
                    room.release();
                }
            }
        } catch (InterruptedException e) {
            throw new AssertionError("this thread is never interrupted", e);
        }
    }
}
