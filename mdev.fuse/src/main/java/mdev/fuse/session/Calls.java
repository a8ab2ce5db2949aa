package mdev.fuse.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.fuse.wire.Reply;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The requests that call a vendor. A signal ends the caller's wait only if the caller is ending; otherwise, as in
 * sysfs, a started call completes and is answered. Never closed: calls that run at the unmount complete, unanswered.
 */
final class Calls {
    private static final Logger log = LoggerFactory.getLogger(Calls.class);

    /** The polling interval for the pending signals of a caller. */
    private static final Duration LOOK = Duration.ofMillis(20);

    /** An interrupted caller gets EINTR after this time, whatever its signal. */
    private static final Duration LONGEST = Duration.ofDays(1);

    private final Channel channel;
    private final BoundedCalls watchers = new BoundedCalls("mdev-fuse-signals");
    private final FaultLog faults = new FaultLog(log, "the file system");

    /** By the request's number, from {@link #begin} until the vendor has returned. */
    private final Map<Long, Call> running = new ConcurrentHashMap<>();

    Calls(Channel channel) {
        this.channel = channel;
    }

    /** The work of a request. */
    interface Work {
        /** Runs, and writes the answer's body. */
        void run(Reply reply) throws ErrnoException;

        /** Called if the work succeeded after its caller had got EINTR. */
        default void unwanted() {}
    }

    /** A running request; the thread that sets {@code answered} sends the answer. */
    private record Call(long unique, CallingThread caller, AtomicBoolean answered, AtomicBoolean interrupted) {}

    /** The number of calls; each keeps its thread until the vendor returns, even if its caller has exited. */
    int running() {
        return running.size();
    }

    /**
     * Registers a call before the next request is received, so that an interrupt finds it.
     *
     * @return makes the call; its answer is null if the caller has got EINTR meanwhile
     */
    Readers.Call begin(long unique, CallingThread caller, Work work) {
        Call call = new Call(unique, caller, new AtomicBoolean(), new AtomicBoolean());
        running.put(unique, call);
        return reply -> run(call, work, reply);
    }

    private @Nullable MemorySegment run(Call call, Work work, Reply reply) {
        long unique = call.unique();
        boolean done = false;
        MemorySegment message;
        try {
            work.run(reply);
            done = true;
            message = reply.answer(unique);
        } catch (ErrnoException e) {
            message = reply.refusal(e.errno().number(), unique);
        } catch (RuntimeException | Error e) {
            faults.report("a call", e);
            message = reply.refusal(Errno.EIO.number(), unique);
        }
        running.remove(unique);
        if (call.answered().compareAndSet(false, true)) {
            return message;
        }
        if (done) {
            undo(work);
        }
        return null;
    }

    private void undo(Work work) {
        try {
            work.unwanted();
        } catch (RuntimeException | Error e) {
            faults.report("undoing a call", e);
        }
    }

    /**
     * The caller has a pending signal. The kernel reports only the first one, so the caller's signals are polled until
     * the call is answered. Ignored if it is answered already.
     */
    void interrupt(long unique) {
        Call call = running.get(unique);
        if (call != null
                && call.interrupted().compareAndSet(false, true)
                && watchers.tryStart("mdev-fuse-signals-" + unique, () -> watch(call)) == null) {
            giveUp(call);
        }
    }

    private void watch(Call call) {
        Deadline.in(LONGEST)
                .poll(LOOK, () -> call.answered().get() || call.caller().isEnding());
        giveUp(call);
    }

    /** Answers EINTR; the call continues. */
    private void giveUp(Call call) {
        if (call.answered().compareAndSet(false, true)) {
            try (Arena arena = Arena.ofConfined()) {
                channel.answer(new Reply(arena, 0).refusal(Errno.EINTR.number(), call.unique()));
            }
        }
    }
}
