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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The requests that run a vendor's code, each on a thread of its own while it does: one that hangs holds up its caller
 * and nobody else. A signal of the caller ends its wait only if the caller is ending: as in sysfs, what was begun is
 * answered otherwise. Not closed: what runs when the mount goes runs on, unanswered.
 */
final class Calls {
    private static final Logger log = LoggerFactory.getLogger(Calls.class);

    /** Between two looks at the pending signals of a caller. */
    private static final Duration LOOK = Duration.ofMillis(20);

    /** After this a caller that has got a signal is answered, whatever the signal was. */
    private static final Duration LONGEST = Duration.ofDays(1);

    private final Channel channel;
    private final BoundedCalls threads = new BoundedCalls("mdev-fuse-call");
    private final FaultLog faults = new FaultLog(log, "the file system");

    /** By the request's number, from {@link #start} until it is answered. */
    private final Map<Long, Call> running = new ConcurrentHashMap<>();

    Calls(Channel channel) {
        this.channel = channel;
    }

    /** What a request does. */
    interface Work {
        /** The longest body of its answer. */
        int room();

        /** Does it, and writes the answer. */
        void run(Reply reply) throws ErrnoException;

        /** It was done, but its caller had been told EINTR before. */
        default void unwanted() {}
    }

    /** A request that runs; whoever sets {@code answered} answers. */
    private record Call(long unique, CallingThread caller, AtomicBoolean answered, AtomicBoolean interrupted) {}

    /** How many there are; each keeps a thread until its vendor comes back, also when its caller has gone. */
    int running() {
        return running.size();
    }

    /** Does the work and answers. By the receiving thread, so that the request's interrupt can only come later. */
    void start(long unique, CallingThread caller, Work work) throws ErrnoException {
        Call call = new Call(unique, caller, new AtomicBoolean(), new AtomicBoolean());
        running.put(unique, call);
        if (threads.tryStart("mdev-fuse-call-" + unique, () -> run(call, work)) == null) {
            running.remove(unique);
            throw new ErrnoException(Errno.EAGAIN, "no thread can be started");
        }
    }

    private void run(Call call, Work work) {
        long unique = call.unique();
        try (Arena arena = Arena.ofConfined()) {
            Reply reply = new Reply(arena, work.room());
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
                channel.answer(message);
            } else if (done) {
                work.unwanted();
            }
        }
    }

    /**
     * The caller has a signal pending. The kernel reports only the first one, so its signals are polled from now
     * on until the call is answered. Nothing happens if it is answered already.
     */
    void interrupt(long unique) {
        Call call = running.get(unique);
        if (call != null
                && call.interrupted().compareAndSet(false, true)
                && threads.tryStart("mdev-fuse-signals-" + unique, () -> watch(call)) == null) {
            giveUp(call);
        }
    }

    private void watch(Call call) {
        Deadline.in(LONGEST)
                .poll(LOOK, () -> call.answered().get() || call.caller().isEnding());
        giveUp(call);
    }

    /** The caller gets EINTR; what was begun goes on. */
    private void giveUp(Call call) {
        if (call.answered().compareAndSet(false, true)) {
            try (Arena arena = Arena.ofConfined()) {
                channel.answer(new Reply(arena, 0).refusal(Errno.EINTR.number(), call.unique()));
            }
        }
    }
}
