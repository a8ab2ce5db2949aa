package itests.bench.inside;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/** Numbers that another thread takes one after the other: the machine's part of a ring with doorbells. */
final class NumberRing implements AutoCloseable {
    /** As the engine of vendor.gpu-sim polls before it sleeps. */
    private static final long POLLING = 50_000;

    private final AtomicIntegerArray slots;
    private final AtomicInteger tail = new AtomicInteger();
    private final AtomicInteger head = new AtomicInteger();
    private volatile boolean asleep;
    private volatile boolean closed;
    private volatile int sum;
    private final Thread taker;

    @SuppressWarnings("this-escape") // the thread reads only what is set above
    NumberRing(int slots) {
        this.slots = new AtomicIntegerArray(slots);
        taker = Thread.ofPlatform().daemon().name("number-ring").start(this::take);
    }

    private void take() {
        int all = 0;
        long idleSince = System.nanoTime();
        while (!closed) {
            int at = head.get();
            if (at != tail.getAcquire()) {
                all += slots.getPlain(at % slots.length());
                sum = all;
                head.setRelease(at + 1);
                idleSince = System.nanoTime();
            } else if (System.nanoTime() - idleSince > POLLING) {
                asleep = true;
                if (at == tail.get()) {
                    LockSupport.park(this);
                }
                asleep = false;
                idleSince = System.nanoTime();
            } else {
                Thread.onSpinWait();
            }
        }
    }

    /** Returns once all numbers have been taken. */
    void hand(int numbers) {
        for (int i = 0; i < numbers; i++) {
            int at = tail.getPlain();
            while (at - head.getAcquire() == slots.length()) {
                Thread.onSpinWait();
            }
            slots.setPlain(at % slots.length(), i);
            tail.set(at + 1);
            if (asleep) {
                LockSupport.unpark(taker);
            }
        }
        while (head.getAcquire() != tail.getPlain()) {
            Thread.onSpinWait();
        }
    }

    /** Of all numbers taken so far. */
    int sum() {
        return sum;
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(taker);
    }
}
