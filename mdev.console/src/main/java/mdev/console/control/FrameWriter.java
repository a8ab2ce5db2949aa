package mdev.console.control;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;

/**
 * Writes frames on a thread of its own, which nobody interrupts: on a socket that would break the connection. Output
 * that the client is slow to read holds up who prints it; other frames are few and never wait.
 */
public final class FrameWriter {
    private static final int CHUNK = 32 * 1024;
    private static final int CHUNKS_WAITING = 16;
    private static final Duration FINISHING = Duration.ofSeconds(2);

    /** The last of {@link #queue}: told apart by identity. */
    private final Frame end = Frame.of(FrameType.EOF);

    private final Wire wire;
    private final BlockingQueue<Frame> queue = new LinkedBlockingQueue<>();
    private final Semaphore room = new Semaphore(CHUNKS_WAITING);
    private final Thread thread;

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

    /** Writes what is waiting, as far as the peer takes it in time, and ends. */
    public void finish() throws InterruptedException {
        queue.add(end);
        thread.join(FINISHING);
    }

    /** A stream whose bytes become frames of the type. */
    OutputStream stream(FrameType type) {
        return new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                for (int at = offset; at < offset + length; at += CHUNK) {
                    try {
                        room.acquire();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        throw (InterruptedIOException) new InterruptedIOException().initCause(e);
                    }
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
                    // Its reader learns the same; until then nobody shall wait for room.
                    broken = true;
                }
                if (frame.type() == FrameType.OUT || frame.type() == FrameType.ERR) {
                    room.release();
                }
            }
        } catch (InterruptedException e) {
            throw new AssertionError("nobody knows this thread", e);
        }
    }
}
