package mdev.fuse.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import mdev.fuse.thread.Threads;
import mdev.fuse.wire.Reply;
import mdev.linux.Epoll;
import mdev.linux.LinuxException;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads that serve one mount. One of them, the leader, receives the requests and carries them out, calls of
 * vendors too, so that usually no request changes threads. A call may hang: while the leader calls, another reader
 * stands by, and leads if a call lasts. So a hung call blocks only its caller, and delays others for a millisecond.
 */
final class Readers {
    private static final Logger log = LoggerFactory.getLogger(Readers.class);

    /** The reader that stands by looks at this interval whether the same call still lasts. */
    private static final Duration TICK = Duration.ofMillis(1);

    /** After this number of looks without a new call, the reader that stands by sleeps until the next one. */
    private static final int QUIET = 20;

    /** After a call that lasted, the reader that stands by leads at once during this number of calls. */
    private static final int EAGER = 64;

    /**
     * A reader that has made calls gives way to a new one after this time without work, and after ten times that in any
     * case: thread locals of foreign code must not keep its classes alive.
     */
    private static final Duration IDLE = Duration.ofSeconds(1);

    private static final Duration LIFE = IDLE.multipliedBy(10);
    private static final Duration LONG = Duration.ofDays(1);

    /**
     * On one processor, the caller has mostly sent its next request when the answer to the last one has been written,
     * so the leader receives before it waits; after it has found none, it waits first for this number of requests.
     */
    private static final int WAITS = 16;

    /** Grace period for the request that the leader receives last: it does not wait for anybody. */
    private static final Duration END = Duration.ofSeconds(5);

    private final Channel channel;
    private final Epoll epoll;
    private final Receiver receiver;
    private final CountDownLatch ended = new CountDownLatch(1);

    // The monitor guards the following fields: there is one leader, and at most one reader stands by.
    private @Nullable Reader leader;
    private @Nullable Reader standby;

    /** Whether the leader makes a call, the last of {@link #calls}. */
    private boolean calling;

    /** Whether the leader makes a call, or is about to: {@link #standby} neither sleeps nor exits. */
    private boolean due;

    private long calls;
    private int eager;

    /** Whether {@link #standby} sleeps until it is notified of a call. */
    private boolean asleep;

    private int started;

    /** What the readers serve; called by the leader only. */
    interface Receiver {
        /**
         * Receives one request, if there is one, and answers it, unless it needs a call.
         *
         * @return the call to make, {@link Call#NONE} if there is none; null if there was no request
         */
        @Nullable
        Call receive();

        /** Called once, after the last request. */
        void ended();
    }

    /** The rest of a request. */
    interface Call {
        Call NONE = _ -> null;

        /**
         * @param reply room for an attribute
         * @return the answer; null for none
         */
        @Nullable
        MemorySegment make(Reply reply);
    }

    /** @throws LinuxException EMFILE, ENFILE */
    Readers(Channel channel, Receiver receiver) throws LinuxException {
        this.channel = channel;
        this.receiver = receiver;
        this.epoll = channel.epoll(); // closed by the last leader, or in start()
    }

    /** Starts the first reader. */
    void start() {
        synchronized (this) {
            try {
                leader = new Reader();
                leader.start();
            } catch (RuntimeException | Error e) {
                epoll.close();
                throw e;
            }
        }
    }

    /**
     * Called by the leader in {@link Receiver#receive} before it returns a call.
     *
     * @throws ErrnoException EAGAIN: no reader stands by, and none can be started
     */
    synchronized void prepareCall() throws ErrnoException {
        if (standby == null) {
            standby = tryStart();
            if (standby == null) {
                throw new ErrnoException(Errno.EAGAIN, "no thread can be started");
            }
        }
        calls++;
        due = true;
        if (asleep) {
            notifyAll();
        }
    }

    /** From here on the reader that stands by can lead: the leader has finished with the request. */
    private synchronized void beforeCall() {
        calling = true;
        if (eager > 0) {
            eager--;
            promote();
        }
    }

    /** The reader that stands by leads; the call of the previous leader goes on. */
    private void promote() {
        leader = standby;
        standby = null;
        calling = false;
        due = false;
        notifyAll();
    }

    /** @return whether the reader leads still */
    private synchronized boolean leadsAfterCall(Reader reader) {
        if (reader.equals(leader)) {
            calling = false;
            due = false;
            return true;
        }
        return false;
    }

    /** @return whether the reader stands by from now on */
    private synchronized boolean tryStandBy(Reader reader) {
        if (standby == null && ended.getCount() > 0) {
            standby = reader;
            return true;
        }
        return false;
    }

    private synchronized boolean isLeader(Reader reader) {
        return reader.equals(leader);
    }

    /** A new reader leads, if one can be started; returns false otherwise. */
    private synchronized boolean giveWay() {
        Reader next = tryStart();
        if (next == null) {
            return false;
        }
        leader = next;
        return true;
    }

    /** Null if no thread can be started. */
    private @Nullable Reader tryStart() {
        try {
            Reader reader = new Reader();
            reader.start();
            return reader;
        } catch (OutOfMemoryError e) { // "unable to create native thread", or no memory for its buffer
            log.debug("no reader can be started", e);
            return null;
        }
    }

    /** @return whether the reader that has failed was the leader */
    private synchronized boolean wasLeader(Reader failed) {
        if (failed.equals(standby)) {
            standby = null;
        }
        return failed.equals(leader);
    }

    /**
     * Waits until the reader that stands by is the leader.
     *
     * @return false if it is not needed any more
     */
    private synchronized boolean standBy(Reader reader) {
        long seen = -1;
        int quiet = 0;
        while (!reader.equals(leader)) {
            if (ended.getCount() == 0) {
                return false;
            }
            if (calling && calls == seen) {
                eager = EAGER;
                promote();
                return true;
            }
            quiet = calls == seen ? quiet + 1 : 0;
            seen = calls;
            boolean isOld = reader.used && reader.life.hasPassed() && !due;
            if (!isOld && (quiet < QUIET || due)) {
                Deadline.in(TICK).waitOn(this);
            } else if (isOld || !sleep(reader.used ? IDLE : LONG)) {
                standby = null;
                return false;
            }
        }
        return true;
    }

    /** @return false if there was no call for this time */
    private boolean sleep(Duration time) {
        long seen = calls;
        Deadline deadline = Deadline.in(time);
        asleep = true;
        while (calls == seen && ended.getCount() > 0) {
            if (!deadline.waitOn(this)) {
                break;
            }
        }
        asleep = false;
        return calls != seen || ended.getCount() == 0;
    }

    private final class Reader {
        private final Reply reply = new Reply(Arena.ofAuto(), SysfsFile.SIZE);

        /** Prolonged while no other reader can be started. */
        private Deadline life = Deadline.in(LIFE);

        /** Whether it has made a call. */
        private boolean used;

        void start() {
            Threads.start("mdev-fuse-" + started, this::run);
            started++;
        }

        private void run() {
            while (isLeader(this) ? lead() : standBy(this)) {
                // until it is not needed any more
            }
        }

        /** Serves requests until it is not the leader any more. @return whether it stands by then */
        private boolean lead() {
            int waits = 0;
            try {
                while (!channel.hasEnded()) {
                    boolean waiting = waits > 0;
                    boolean idle = waiting && epoll.await(used ? IDLE : LONG) == 0;
                    if (used && (idle || life.hasPassed())) {
                        if (giveWay()) {
                            return false;
                        }
                        life = Deadline.in(IDLE);
                    }
                    Call call = receiver.receive();
                    if (call == null) {
                        waits = WAITS;
                        continue;
                    }
                    waits -= waiting ? 1 : 0;
                    if (!call.equals(Call.NONE)) {
                        used = true;
                        beforeCall();
                        MemorySegment answer = call.make(reply.clear());
                        var _ = Thread.interrupted(); // by the vendor; the next call may be that of another one
                        boolean leads = leadsAfterCall(this);
                        boolean goesOn = leads || tryStandBy(this);
                        if (answer != null) {
                            channel.answer(answer); // only now, because the caller may use the processor at once
                        }
                        if (!leads) {
                            return goesOn;
                        }
                    }
                }
            } catch (LinuxException | RuntimeException | Error e) {
                if (!wasLeader(this)) {
                    log.error("a call failed", e);
                    return false;
                }
                log.error("the file system has ended", e); // without a leader, processes would wait for ever
                channel.end();
            }
            end();
            return false;
        }
    }

    /** The leader ends: nobody else receives, and the reader that stands by exits. */
    private void end() {
        try {
            epoll.close();
            receiver.ended();
        } finally {
            ended.countDown();
            synchronized (this) {
                notifyAll();
            }
        }
    }

    /** Called when the channel has ended: waits until the last request has been answered. Idempotent. */
    void close() {
        epoll.wakeup();
        if (!Deadline.in(END).awaitUninterruptibly(ended)) {
            log.warn("a request of the file system hangs");
        }
    }
}
