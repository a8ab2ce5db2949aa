package vendor.gpusim.engine;

import java.lang.foreign.MemorySegment;
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
 * The one engine of a GPU: a thread that serves the rings of all its vGPUs in turn, and tells those that ask of each
 * end of a frame. Any thread may call.
 */
public final class Engine implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Engine.class);

    private static final long FRAME = 1_000_000_000L / 60;

    /** How soon it is looked whether somebody may go on whose share was used up. */
    private static final long LOOK = Scheduler.SLICE / 4;

    /**
     * How long it looks for work before it sleeps: to be woken takes as long, and a driver that waited for a fence has
     * more by then.
     */
    private static final long LINGER = 50_000;

    /** How long an idle engine sleeps unless it is woken. */
    private static final long LONG = 3_600_000_000_000L;

    /** For an access to a guest's memory that is under way: a guest has 2 s to answer, and a removal less than 5 s. */
    private static final Duration GRACE = Duration.ofSeconds(3);

    /**
     * Another list for each one that comes or goes, so that the thread sees by one look whether somebody has; who
     * changes it holds our monitor.
     */
    private volatile List<EngineRegisters> users = List.of();

    private final String gpu;
    private final int part;
    private final Duration grace;
    private final FaultLog faults;
    /** For accesses to the memory of slow guests. */
    private final BoundedCalls accesses;

    private final Thread thread;
    private volatile Policy policy = Policy.BEST_EFFORT;
    private volatile Load load = new Load(0, System.nanoTime());
    private volatile boolean closed;

    /** @param gpu the name of the GPU that it is of */
    public Engine(String gpu) {
        this(gpu, Work.PART, GRACE);
    }

    /**
     * @param part how much it does at a time, as {@link Work#PART}
     * @param grace for an access to a guest's memory that is under way, when its vGPU or the engine ends
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

    /** How busy it has been in about the last second: 0 to 1. */
    public double utilisation() {
        return load.at(System.nanoTime());
    }

    /** Pairs with {@link #remove}. */
    synchronized void add(EngineRegisters user) {
        users = Stream.concat(users.stream(), Stream.of(user)).toList();
    }

    synchronized void remove(EngineRegisters user) {
        users = users.stream().filter(one -> one != user).toList();
        wake(); // it keeps accounts of its users
    }

    /** What guests make it fail in. */
    FaultLog faults() {
        return faults;
    }

    /** When to stop waiting for an access to a guest's memory that is under way. */
    Deadline deadline() {
        return Deadline.in(grace);
    }

    /** Runs an access to a slow guest's memory beside the engine; here, if no thread can be started. */
    void access(Runnable access) {
        accesses.start(gpu + "-dma", access);
    }

    /** There is work, or somebody wants to know something. */
    void wake() {
        LockSupport.unpark(thread);
    }

    private void run() {
        var scheduler = new Scheduler();
        var unit = new Unit(part);
        var slot = MemorySegment.ofArray(new byte[Decoder.SLOT]);
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
                long end = turn(next.registers, unit, slot, now);
                scheduler.pay(next, end - now);
                load = load.busy(now, end);
                busyTill = end;
            } else if (now - busyTill < LINGER && !scheduler.anyWaits()) {
                Thread.onSpinWait();
            } else {
                sleep(scheduler, now, frame);
            }
        }
    }

    /** Returns when it ended. */
    private static long turn(EngineRegisters user, Unit unit, MemorySegment slot, long begin) {
        long now = begin;
        do {
            long before = now;
            user.step(unit, slot);
            now = System.nanoTime();
            user.took(now - before);
        } while (now - begin < Scheduler.SLICE && user.waits());
        return now;
    }

    private void sleep(Scheduler scheduler, long now, long frame) {
        boolean waits = scheduler.anyWaits();
        boolean vblanks = users.stream().anyMatch(EngineRegisters::wantsVblank);
        long time = waits ? LOOK : vblanks ? Math.max(1, frame + FRAME - now) : LONG;
        LockSupport.parkNanos(this, time);
        Thread.interrupted(); // of code of a guest's that ran here; it would end each further sleep at once
        if (waits) {
            scheduler.await(null, System.nanoTime() - now);
        }
    }

    /**
     * Ends the thread, after the part of a command that it is in; one that hangs in an access to a guest's memory ends
     * when that returns.
     */
    @Override
    public void close() {
        closed = true;
        wake();
        accesses.close();
        if (!deadline().join(thread)) {
            LOG.warn(
                    "the engine of {} hangs in a command, and ends when that returns",
                    gpu,
                    BoundedCalls.stackOf(thread));
        }
    }
}
