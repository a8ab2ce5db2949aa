package vfio.user.trace;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import vfio.user.wire.Command;
import vfio.user.wire.Message;

/** Whether a device is traced, and where to. While it is not, each call costs one look at that. Any thread. */
public final class TraceSwitch {
    private static final double MICROSECOND = 1e3;

    private final AtomicReference<@Nullable Trace> on = new AtomicReference<>();

    private volatile boolean ended;

    /** @throws ErrnoException EBUSY: it is traced already; ENODEV: the device is gone */
    public void start(Trace trace) throws ErrnoException {
        if (!on.compareAndSet(null, trace)) {
            throw new ErrnoException(Errno.EBUSY, "the device is being traced already");
        }
        if (ended) { // end() says so first and then looks for who traces
            stop(trace);
            throw new ErrnoException(Errno.ENODEV, "the device is gone");
        }
    }

    public void stop(Trace trace) {
        on.compareAndSet(trace, null);
    }

    /** The device is gone. */
    public void end() {
        ended = true;
        Trace trace = on.getAndSet(null);
        if (trace != null) {
            trace.add("removed");
            trace.end();
        }
    }

    /** What to give to the call that tells of something that takes time. */
    public long begin() {
        return on.get() == null ? 0 : System.nanoTime();
    }

    /** A command of the client, and what it was answered. */
    public void command(long begun, Message request, Message reply, @Nullable ErrnoException failure) {
        Trace trace = on.get();
        if (trace != null && begun != 0) {
            trace.add("#%d %s%s %s"
                    .formatted(
                            request.id(),
                            Description.of(request),
                            request.wantsReply() ? "" : " (posted)",
                            result(begun, failure, failure == null ? Description.ofReply(request, reply) : "")));
        }
    }

    /** A command to the client. */
    public void dma(long begun, Command command, long address, int count, @Nullable ErrnoException failure) {
        Trace trace = on.get();
        if (trace != null && begun != 0) {
            trace.add("to client: %s 0x%x, %d bytes %s".formatted(command, address, count, result(begun, failure, "")));
        }
    }

    public void interrupt(int index, int vector) {
        Trace trace = on.get();
        if (trace != null) {
            trace.add("interrupt index %d vector %d".formatted(index, vector));
        }
    }

    /** The client has come, or gone. */
    public void event(String what) {
        Trace trace = on.get();
        if (trace != null) {
            trace.add(what);
        }
    }

    private static String result(long begun, @Nullable ErrnoException failure, String answer) {
        String micros = String.format(Locale.ROOT, "%.1f", (System.nanoTime() - begun) / MICROSECOND);
        return failure == null
                ? "->%s %s us".formatted(answer, micros)
                : "-> %s (%s) %s us".formatted(failure.errno(), failure.getMessage(), micros);
    }
}
