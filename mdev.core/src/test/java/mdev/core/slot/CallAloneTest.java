package mdev.core.slot;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** {@link mdev.api.Slot#callAlone}: a call that keeps all others out. */
@Timeout(300)
final class CallAloneTest {
    private static final Duration LONG = Duration.ofMinutes(2);
    private static final Duration SHORT = Duration.ofMillis(50);

    private final VendorSlot slot = new VendorSlot(
            new ForeignBundle("vendor.test", "1.0.0", 7),
            "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
            new BoundedCalls("test"));
    private final List<String> log = new CopyOnWriteArrayList<>();

    CallAloneTest() throws ErrnoException {
        DeviceOps ops = _ -> {
            throw new ErrnoException(Errno.ENOTTY);
        };
        slot.install(ops);
        slot.occupy(LONG);
    }

    private static Thread start(Executable call) {
        return Thread.ofPlatform().daemon().start(() -> assertDoesNotThrow(call));
    }

    private static void join(Thread thread) {
        assertTrue(Deadline.in(LONG).join(thread));
    }

    private static void awaitParked(Thread thread) {
        assertTrue(Deadline.in(LONG).poll(Duration.ofMillis(1), () -> thread.getState() == Thread.State.TIMED_WAITING));
    }

    private static Errno errno(Executable call) {
        return assertThrows(ErrnoException.class, call).errno();
    }

    @Test
    void waitsForTheCallsInside() throws Exception {
        slot.enter();
        Thread alone = start(() -> slot.callAlone("stop", LONG, _ -> log.add("alone")));
        awaitParked(alone);
        assertEquals(List.of(), log);
        slot.leave();
        join(alone);
        assertEquals(List.of("alone"), log);
        assertEquals("once more", slot.callAlone("stop", LONG, _ -> "once more"));
    }

    @Test
    void failsWhenACallInsideDoesNotReturn() throws Exception {
        slot.enter();
        ErrnoException busy =
                assertThrows(ErrnoException.class, () -> slot.callAlone("stop", SHORT, _ -> log.add("alone")));
        assertEquals(Errno.EBUSY, busy.errno());
        slot.leave();
        slot.enter(); // it is not frozen any more
        slot.leave();
        assertEquals(List.of(), log);
    }

    @Test
    void delaysAccessesButAdmitsItsOwnCalls() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        Thread alone = start(() -> slot.callAlone("stop", LONG, _ -> {
            slot.callOccupied("its own", _ -> log.add("its own"));
            inside.countDown();
            Deadline.in(LONG).awaitUninterruptibly(go);
            return log.add("alone");
        }));
        assertTrue(Deadline.in(LONG).await(inside));
        Thread access = start(() -> {
            slot.enter();
            log.add("access");
            slot.leave();
        });
        Thread second = start(() -> slot.callAlone("resume", LONG, _ -> log.add("second")));
        awaitParked(access);
        awaitParked(second);
        go.countDown();
        join(alone);
        join(access);
        join(second);
        assertEquals(List.of("its own", "alone"), log.subList(0, 2));
        assertEquals(4, log.size());
    }

    @Test
    void waitsForTheEndOfAnUpdate() throws Exception {
        slot.freeze(Deadline.in(LONG));
        Thread alone = start(() -> slot.callAlone("stop", LONG, _ -> log.add("alone")));
        awaitParked(alone);
        assertEquals(List.of(), log);
        slot.thaw();
        join(alone);
        assertEquals(List.of("alone"), log);
        slot.freeze(Deadline.in(Duration.ZERO));
        assertEquals(Errno.EAGAIN, errno(() -> slot.callAlone("stop", LONG, _ -> log.add("alone"))));
    }

    @Test
    void needsAnOccupiedSlot() {
        slot.vacate(() -> {});
        assertEquals(Errno.ENODEV, errno(() -> slot.callAlone("stop", LONG, _ -> log.add("alone"))));
        assertEquals(List.of(), log);
    }

    @Test
    void releaseThatIsDueMeanwhileFollows() throws Exception {
        slot.callAlone("stop", LONG, _ -> {
            slot.vacate(() -> log.add("release"));
            return log.add("alone");
        });
        assertTrue(slot.awaitVacant(LONG));
        assertEquals(List.of("alone", "release"), log);
    }

    @Test
    void exceptionsOfTheCallAreTranslated() throws Exception {
        assertEquals(
                Errno.EIO,
                errno(() -> slot.callAlone("stop", LONG, _ -> {
                    throw new IllegalStateException("on purpose");
                })));
        assertEquals(
                Errno.ENOSPC,
                errno(() -> slot.callAlone("stop", LONG, _ -> {
                    throw new ErrnoException(Errno.ENOSPC);
                })));
        slot.enter();
        slot.leave();
    }

    /** Accesses of several threads: none is inside together with a call that is alone. */
    @Test
    void isAloneUnderStress() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger violations = new AtomicInteger();
        AtomicBoolean end = new AtomicBoolean();
        List<Thread> users = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            users.add(start(() -> {
                while (!end.get()) {
                    slot.enter();
                    inside.incrementAndGet();
                    inside.decrementAndGet();
                    slot.leave();
                }
            }));
        }
        for (int i = 0; i < 2_000; i++) {
            slot.callAlone("stop", LONG, _ -> inside.get() == 0 ? 0 : violations.incrementAndGet());
        }
        end.set(true);
        users.forEach(CallAloneTest::join);
        assertEquals(0, violations.get());
    }
}
