package mdev.console.shell;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.Objects;

/**
 * An input that fetches data only on a read, and whose reader can be interrupted. Data that a command does not read
 * stays at its source. The monitor guards the chunk and the pending demand.
 */
public final class DemandInput extends InputStream {
    private static final byte[] NOTHING = {};

    private final Runnable demand;
    private byte[] chunk = NOTHING;
    private int position;
    private boolean asked;
    private boolean ended;

    /** @param demand requests one {@link #offer} or {@link #end}; must not block */
    public DemandInput(Runnable demand) {
        this.demand = demand;
    }

    /** Delivers the requested data. */
    public synchronized void offer(byte[] bytes) {
        byte[] rest = new byte[available() + bytes.length];
        System.arraycopy(chunk, position, rest, 0, available());
        System.arraycopy(bytes, 0, rest, available(), bytes.length);
        chunk = rest;
        position = 0;
        asked = false;
        notifyAll();
    }

    /** Ends the input, until {@link #reopen}. */
    public synchronized void end() {
        ended = true;
        asked = false;
        notifyAll();
    }

    /** Clears the end: Ctrl-D on a terminal ends the input of one command only. */
    public synchronized void reopen() {
        ended = false;
    }

    @Override
    public synchronized int available() {
        return chunk.length - position;
    }

    @Override
    public synchronized int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public synchronized int read(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        if (length == 0) {
            return 0;
        }
        while (available() == 0 && !ended) {
            if (!asked) {
                asked = true;
                demand.run();
            }
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw (InterruptedIOException) new InterruptedIOException().initCause(e);
            }
        }
        int count = Math.min(length, available());
        if (count == 0) {
            return -1;
        }
        System.arraycopy(chunk, position, bytes, offset, count);
        position += count;
        return count;
    }
}
