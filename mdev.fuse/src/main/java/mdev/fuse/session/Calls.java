package mdev.fuse.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.fuse.wire.Reply;
import mdev.linux.LinuxException;
import mdev.sync.BoundedCalls;
import mdev.sync.FaultLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The requests that run a vendor's code, each on a thread of its own while it does: one that hangs holds up its caller
 * and nobody else, and an interrupt of the caller is heard. Not closed: what runs when the mount goes runs on,
 * unanswered.
 */
final class Calls {
    private static final Logger log = LoggerFactory.getLogger(Calls.class);

    /** Calls at once; each keeps a thread until its vendor comes back, also when its caller has gone. */
    private static final int MOST = 1024;

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
    private record Call(AtomicBoolean answered) {}

    /** Does the work and answers. By the receiving thread, so that the request's interrupt can only come later. */
    void start(long unique, Work work) throws ErrnoException {
        Call call = new Call(new AtomicBoolean());
        running.put(unique, call);
        if (running.size() > MOST
                || threads.tryStart("mdev-fuse-call-" + unique, () -> run(unique, call, work)) == null) {
            running.remove(unique);
            throw new ErrnoException(Errno.EAGAIN, "too many calls of vendors have not returned");
        }
    }

    private void run(long unique, Call call, Work work) {
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
                send(message);
            } else if (done) {
                work.unwanted();
            }
        }
    }

    /** The caller gets EINTR at once; what was begun goes on. Nothing happens if it is answered already. */
    void interrupt(long unique) {
        Call call = running.get(unique);
        if (call != null && call.answered().compareAndSet(false, true)) {
            try (Arena arena = Arena.ofConfined()) {
                send(new Reply(arena, 0).refusal(Errno.EINTR.number(), unique));
            }
        }
    }

    private void send(MemorySegment message) {
        try {
            channel.send(message);
        } catch (LinuxException e) {
            log.debug("nobody waits for an answer: {}", e.getMessage());
        }
    }
}
