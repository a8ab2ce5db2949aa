package vendor.gpusim.engine;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** The one engine of a GPU: a thread that serves the rings of all its vGPUs in turn, and tells those that ask of each end of a frame. Any thread may call. */
public final class Engine implements AutoCloseable {
    private static final long FRAME = 1_000_000_000L / 60;

    /** How soon it is looked whether somebody may go on whose share was used up. */
    private static final long LOOK = Turns.SLICE / 4;

    /** How long it looks for work before it sleeps: to be woken takes as long, and a driver that waited for a fence has more by then. */
    private static final long LINGER = 50_000;

    /** How long an idle engine sleeps unless it is woken. */
    private static final long LONG = 3_600_000_000_000L;

    /** Another list for each one that comes or goes, so that the thread sees by one look whether somebody has; who changes it holds our monitor. */
    private volatile List<EngineRegisters> users = List.of();

    private final int part;
    private final Thread thread;
    private volatile Policy policy = Policy.BEST_EFFORT;
    private volatile Load load = new Load(0, System.nanoTime());
    private volatile boolean closed;

    /** @param gpu the name of the GPU that it is of */
    public Engine(String gpu) {
        this(gpu, Work.PART);
    }

    /** @param part how much it does at a time, as {@link Work#PART} */
    Engine(String gpu, int part) {
        this.part = part;
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

    /** There is work, or somebody wants to know something. */
    void wake() {
        LockSupport.unpark(thread);
    }

    private void run() {
        var turns = new Turns();
        var unit = new Unit(part);
        var slot = MemorySegment.ofArray(new byte[Decoder.SLOT]);
        long last = System.nanoTime();
        long frame = last;
        long busyTill = last;
        while (!closed) {
            long now = System.nanoTime();
            turns.users(users);
            turns.earn(policy, now - last);
            last = now;
            if (now - frame >= FRAME) {
                frame = now - (now - frame) % FRAME;
                users.forEach(EngineRegisters::vblank);
            }
            Turns.User next = turns.next(policy);
            if (next != null) {
                long end = turn(next.registers, unit, slot, now);
                turns.pay(next, end - now);
                load = load.busy(now, end);
                busyTill = end;
            } else if (now - busyTill < LINGER && !turns.anyWaits()) {
                Thread.onSpinWait();
            } else {
                sleep(turns, now, frame);
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
        } while (now - begin < Turns.SLICE && user.waits());
        return now;
    }

    private void sleep(Turns turns, long now, long frame) {
        boolean waits = turns.anyWaits();
        boolean vblanks = users.stream().anyMatch(EngineRegisters::wantsVblank);
        long time = waits ? LOOK : vblanks ? Math.max(1, frame + FRAME - now) : LONG;
        LockSupport.parkNanos(this, time);
        if (waits) {
            turns.await(null, System.nanoTime() - now);
        }
    }

    /** Ends the thread, after the part of a command that it is in; an interrupted caller does not wait for that. */
    @Override
    public void close() {
        closed = true;
        wake();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
