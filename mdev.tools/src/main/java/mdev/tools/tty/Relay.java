package mdev.tools.tty;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.PrintStream;
import java.time.Duration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Transfers bytes between a user and a serial port: keys on the thread of the command, received bytes on a separate
 * thread. On a terminal Ctrl-] ends it. Otherwise it ends after the end of the input, once as many bytes have been
 * received as were sent or no more arrive.
 */
final class Relay {
    private static final Logger LOG = LoggerFactory.getLogger(Relay.class);
    private static final int CTRL_RIGHT_BRACKET = 0x1d;
    /** How long to wait for the next received byte after the end of the input. */
    private static final Duration SILENCE = Duration.ofSeconds(2);

    private static final Duration CLOSING = Duration.ofSeconds(10);

    private final InputStream in;
    private final PrintStream out;
    private final Serial8250 port;
    private final boolean terminal;
    private final Thread command = Thread.currentThread();

    /** All guarded by this. */
    private long sent;

    private long received;
    private boolean reading;
    private @Nullable String ended;

    Relay(InputStream in, PrintStream out, Serial8250 port, boolean terminal) {
        this.in = in;
        this.out = out;
        this.port = port;
        this.terminal = terminal;
    }

    /**
     * Runs until the user or the end of the input ends it.
     *
     * @throws ErrnoException ENODEV: the device was removed; EIO: the input failed
     */
    void run() throws ErrnoException, InterruptedException {
        Thread receiver = Thread.ofPlatform().daemon().name("vfio-tty").start(this::receive);
        try {
            byte[] one = new byte[1];
            for (int key = key(); key >= 0 && !(terminal && key == CTRL_RIGHT_BRACKET); key = key()) {
                one[0] = (byte) key;
                synchronized (this) {
                    sent++;
                }
                send(one);
            }
            if (!terminal) {
                awaitEcho();
            }
            checkEnded();
        } finally {
            receiver.interrupt();
            if (!Deadline.in(CLOSING).join(receiver)) {
                LOG.warn("the output of vfio:tty is blocked", BoundedCalls.stackOf(receiver));
            }
        }
    }

    private void send(byte[] bytes) throws ErrnoException, InterruptedException {
        try {
            port.write(bytes, 0, bytes.length);
        } catch (ErrnoException e) {
            checkEnded();
            throw e;
        }
    }

    /** Ends the relay from any thread, for example because the device is being removed. */
    synchronized void end(String reason) {
        if (ended == null) {
            ended = reason;
        }
        notifyAll();
        if (reading) {
            command.interrupt();
        }
    }

    private synchronized void checkEnded() throws ErrnoException {
        if (ended != null) {
            throw new ErrnoException(Errno.ENODEV, ended);
        }
    }

    /** The next key; -1 at the end of the input or of the relay. */
    private int key() throws ErrnoException, InterruptedException {
        synchronized (this) {
            if (ended != null) {
                return -1;
            }
            reading = true;
        }
        try {
            return in.read();
        } catch (InterruptedIOException e) {
            return stopped();
        } catch (IOException e) {
            if (Thread.currentThread().isInterrupted()) {
                return stopped();
            }
            throw new ErrnoException(Errno.EIO, "the input failed: " + e.getMessage());
        } finally {
            synchronized (this) {
                reading = false;
                if (ended != null) {
                    Thread.interrupted(); // interrupted by end(), not by Ctrl-C
                }
            }
        }
    }

    private synchronized int stopped() throws InterruptedException {
        if (ended == null) {
            Thread.interrupted(); // the exception reports it
            throw new InterruptedException();
        }
        return -1;
    }

    private synchronized void awaitEcho() throws InterruptedException {
        long seen = received;
        Deadline deadline = Deadline.in(SILENCE);
        while (received < sent && ended == null && !deadline.hasPassed()) {
            wait(deadline.remainingMillis());
            if (received > seen) {
                seen = received;
                deadline = Deadline.in(SILENCE);
            }
        }
    }

    private void receive() {
        try {
            for (int next = port.read(); next >= 0; next = port.read()) {
                out.write(next);
                if (terminal && next == '\r') {
                    out.write('\n'); // in raw mode the terminal does not add it, and Enter sends only a return
                }
                out.flush();
                synchronized (this) {
                    received++;
                    notifyAll();
                }
            }
            end("the device was removed");
        } catch (InterruptedException e) {
            // run() has ended
        }
    }
}
