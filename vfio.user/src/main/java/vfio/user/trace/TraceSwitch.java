package vfio.user.trace;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import vfio.user.wire.Command;
import vfio.user.wire.Message;

/** The current trace of a device, if any. Without a trace, each call costs one read. Thread-safe. */
public final class TraceSwitch {
    private static final double MICROSECOND = 1e3;

    private final AtomicReference<@Nullable Trace> on = new AtomicReference<>();

    private volatile boolean ended;

    /** @throws ErrnoException EBUSY: already traced; ENODEV: the device was removed */
    public void start(Trace trace) throws ErrnoException {
        if (!on.compareAndSet(null, trace)) {
            throw new ErrnoException(Errno.EBUSY, "the device is already being traced");
        }
        if (ended) { // end() sets the flag before it looks for a trace
            stop(trace);
            throw new ErrnoException(Errno.ENODEV, "the device was removed");
        }
    }

    public void stop(Trace trace) {
        on.compareAndSet(trace, null);
    }

    /** Called when the device is removed. */
    public void end() {
        ended = true;
        Trace trace = on.getAndSet(null);
        if (trace != null) {
            trace.add("removed");
            trace.end();
        }
    }

    /** The start time to pass to {@link #command} or {@link #dma}. */
    public long begin() {
        return on.get() == null ? 0 : System.nanoTime();
    }

    /** Records a command of the client and its answer. */
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

    /** Records a command to the client. */
    public void dma(long begun, Command command, long address, int count, @Nullable ErrnoException failure) {
        Trace trace = on.get();
        if (trace != null && begun != 0) {
            trace.add("to client: %s 0x%x, %d bytes %s".formatted(command, address, count, result(begun, failure, "")));
        }
    }

    /** Records a call by which the device accesses the client's memory, of any kind. */
    public void device(String call, long iova, long length, @Nullable ErrnoException failure) {
        Trace trace = on.get();
        if (trace != null && trace.showsDma()) {
            String result = failure == null ? "" : " -> " + failure.errno() + " (" + failure.getMessage() + ")";
            trace.add("device: %s 0x%x, %d bytes%s".formatted(call, iova, length, result));
        }
    }

    public void interrupt(int index, int vector) {
        Trace trace = on.get();
        if (trace != null) {
            trace.add("interrupt index %d vector %d".formatted(index, vector));
        }
    }

    /** Records that the client has connected or disconnected. */
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
