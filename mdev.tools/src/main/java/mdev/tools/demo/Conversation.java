package mdev.tools.demo;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioPci;
import mdev.sync.Deadline;
import mdev.tools.demo.Transcript.Failure;
import mdev.tools.tty.AttachedDevice;
import mdev.tools.tty.IntxService;
import mdev.tools.tty.Serial8250;
import org.jspecify.annotations.Nullable;

/** A program that sends numbered lines through both ports of a device, and compares the received lines. */
final class Conversation implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int PORTS = 2;

    /** The number of lines that {@link #more} waits for. */
    private static final int MORE = 50;

    private final Vfio vfio;
    private final String uuid;

    /** The open resources, closed in reverse order. */
    private final List<Runnable> open = new ArrayList<>();

    private final List<Thread> senders = new ArrayList<>();

    /** The monitor guards the results. */
    private int lines;

    private long bytes;
    private long longest;
    private @Nullable Exception failure;
    private boolean ended;

    Conversation(Vfio vfio, String uuid) {
        this.vfio = vfio;
        this.uuid = uuid;
    }

    /** Opens the device and begins to send; ended by {@link #close}. */
    void begin() throws ErrnoException {
        AttachedDevice attached = AttachedDevice.open(vfio, uuid, "a program");
        open.add(attached::close);
        IntxService interrupts = new IntxService(attached.device());
        open.add(interrupts::close);
        for (int i = 0; i < PORTS; i++) {
            Serial8250 port = new Serial8250(attached.device(), VfioPci.BAR0_REGION + i, interrupts);
            open.add(port::close);
            String name = "port " + i;
            senders.add(Thread.ofPlatform().daemon().name("demo-" + name).start(() -> send(name, port)));
        }
    }

    private void send(String name, Serial8250 port) {
        try {
            for (int number = 1; !isEnded(); number++) {
                byte[] line = ("line " + number + " through " + name + "\n").getBytes(StandardCharsets.US_ASCII);
                long begun = System.nanoTime();
                port.write(line, 0, line.length);
                Deadline deadline = Deadline.in(PATIENCE);
                for (byte sent : line) {
                    int received = port.read(deadline);
                    if (received != sent) {
                        throw new Failure(
                                "line %d of %s: %d has returned instead of %d".formatted(number, name, received, sent));
                    }
                }
                returned(line.length, System.nanoTime() - begun);
            }
        } catch (ErrnoException | Failure | InterruptedException e) {
            failed(e);
        }
    }

    private synchronized boolean isEnded() {
        return ended;
    }

    private synchronized void returned(int length, long nanos) {
        lines++;
        bytes += length;
        longest = Math.max(longest, nanos);
        notifyAll();
    }

    private synchronized void failed(Exception reason) {
        failure = reason;
        notifyAll();
    }

    /** Waits until more lines have returned; returns their total number. */
    synchronized String more() throws Failure {
        int enough = lines + MORE;
        Deadline deadline = Deadline.in(PATIENCE);
        while (lines < enough) {
            check();
            if (!deadline.waitOn(this)) {
                throw new Failure("no lines return");
            }
        }
        return "lines that have returned: " + lines;
    }

    private void check() throws Failure {
        if (failure != null) {
            throw new Failure("the program has failed: " + failure.getMessage());
        }
    }

    /** Ends the program; returns a summary of its results. */
    String end() throws Failure {
        close();
        synchronized (this) {
            check();
            return "%d lines with %d bytes, each as it was sent; the longest took %d ms"
                    .formatted(lines, bytes, Duration.ofNanos(longest).toMillis());
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            ended = true;
        }
        Deadline deadline = Deadline.in(PATIENCE);
        for (Thread sender : senders) {
            if (!deadline.join(sender)) {
                sender.interrupt();
            }
        }
        senders.clear();
        open.reversed().forEach(Runnable::run);
        open.clear();
    }
}
