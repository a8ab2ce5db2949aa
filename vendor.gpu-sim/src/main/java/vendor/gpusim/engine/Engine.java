package vendor.gpusim.engine;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one engine of a GPU: a thread that serves the rings of all its vGPUs in turn, and signals the end of each frame
 * to the vGPUs that enabled it. Thread-safe.
 */
public final class Engine implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Engine.class);

    private static final long FRAME = 1_000_000_000L / 60;

    /** The interval at which vGPUs with a used-up share are checked for new credit. */
    private static final long CREDIT_CHECK = Scheduler.SLICE / 4;

    /**
     * How long the engine polls for work before it sleeps: waking it takes as long, and a driver that waited for a
     * fence submits more work within this time.
     */
    private static final long POLL_TIME = 50_000;

    /** The maximum sleep of an idle engine. */
    private static final long IDLE_SLEEP = 3_600_000_000_000L;

    /**
     * Grace period for a running access to guest memory: a guest has 2 s to answer, and a removal must take less than 5
     * s.
     */
    private static final Duration GRACE = Duration.ofSeconds(3);

    /**
     * Replaced whenever a vGPU is added or removed, so that the thread detects changes with one read. Replaced under
     * the monitor.
     */
    private volatile List<EngineRegisters> users = List.of();

    private final String gpu;
    private final int part;
    private final Duration grace;
    private final FaultLog faults;
    /** Runs accesses to the memory of slow guests. */
    private final BoundedCalls accesses;

    private final Thread thread;
    private volatile Policy policy = Policy.BEST_EFFORT;
    private volatile Load load = new Load(0, System.nanoTime());
    private volatile boolean closed;

    /** @param gpu the name of its GPU */
    public Engine(String gpu) {
        this(gpu, Work.PART, GRACE);
    }

    /**
     * @param part the cost of a part, as {@link Work#PART}
     * @param grace the grace period for a running access to guest memory when its vGPU or the engine ends
     */
    Engine(String gpu, int part, Duration grace) {
        this.gpu = gpu;
        this.part = part;
        this.grace = grace;
        this.faults = new FaultLog(LOG, "the engine of " + gpu);
        this.accesses = new BoundedCalls(gpu + "-dma");
        thread = Thread.ofPlatform().daemon().name(gpu + "-engine").start(this::run);
    }

    public Policy policy() {
        return policy;
    }

    public void policy(Policy policy) {
        this.policy = policy;
    }

    /** The utilisation during about the last second: 0 to 1. */
    public double utilisation() {
        return load.at(System.nanoTime());
    }

    /** Pairs with {@link #remove}. */
    synchronized void add(EngineRegisters user) {
        users = Stream.concat(users.stream(), Stream.of(user)).toList();
    }

    synchronized void remove(EngineRegisters user) {
        users = users.stream().filter(one -> one != user).toList();
        wake(); // the scheduler must account for the new user
    }

    /** The log for failures caused by guests. */
    FaultLog faults() {
        return faults;
    }

    /** The deadline for a running access to guest memory. */
    Deadline deadline() {
        return Deadline.in(grace);
    }

    /** Runs an access to a slow guest's memory outside of the engine's thread. */
    void access(Runnable access) {
        accesses.start(gpu + "-dma", access);
    }

    /** Wakes the engine for new work or a newly enabled vblank interrupt. */
    void wake() {
        LockSupport.unpark(thread);
    }

    private void run() {
        var scheduler = new Scheduler();
        var unit = new Unit(part);
        long last = System.nanoTime();
        long frame = last;
        long busyTill = last;
        while (!closed) {
            long now = System.nanoTime();
            scheduler.users(users);
            scheduler.earn(policy, now - last);
            last = now;
            if (now - frame >= FRAME) {
                frame = now - (now - frame) % FRAME;
                users.forEach(EngineRegisters::vblank);
            }
            Scheduler.User next = scheduler.next(policy);
            if (next != null) {
                long end = turn(next.registers, unit, now);
                scheduler.pay(next, end - now);
                load = load.busy(now, end);
                busyTill = end;
            } else if (now - busyTill < POLL_TIME && !scheduler.anyWaits()) {
                Thread.onSpinWait();
            } else {
                sleep(scheduler, now, frame);
            }
        }
    }

    /** Runs one turn and returns its end time. */
    private static long turn(EngineRegisters user, Unit unit, long begin) {
        long now = begin;
        do {
            long before = now;
            user.step(unit);
            now = System.nanoTime();
            user.took(now - before);
        } while (now - begin < Scheduler.SLICE && user.waits());
        return now;
    }

    private void sleep(Scheduler scheduler, long now, long frame) {
        boolean waits = scheduler.anyWaits();
        boolean vblanks = users.stream().anyMatch(EngineRegisters::wantsVblank);
        long time = waits ? CREDIT_CHECK : vblanks ? Math.max(1, frame + FRAME - now) : IDLE_SLEEP;
        LockSupport.parkNanos(this, time);
        Thread.interrupted(); // set by code of a guest that ran here; it would end every further sleep at once
        if (waits) {
            scheduler.await(null, System.nanoTime() - now);
        }
    }

    /**
     * Ends the thread after the current part of a command. If the thread hangs in an access to guest memory, it ends
     * when the access returns.
     */
    @Override
    public void close() {
        closed = true;
        wake();
        accesses.close();
        if (!deadline().join(thread)) {
            LOG.warn(
                    "the engine of {} hangs in a command; it ends when the command returns",
                    gpu,
                    BoundedCalls.stackOf(thread));
        }
    }
}
