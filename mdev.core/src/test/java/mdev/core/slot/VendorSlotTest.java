package mdev.core.slot;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** The slot of a device: which calls it admits, which wait, and which thread runs the release. */
@Timeout(300)
class VendorSlotTest {
    private static final Duration LONG = Duration.ofMinutes(2);
    private static final Duration SHORT = Duration.ofMillis(50);
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

    /** A vendor's object. */
    private record Ops(String version) implements DeviceOps {
        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            throw new ErrnoException(Errno.ENOTTY);
        }
    }

    private final BoundedCalls calls = new BoundedCalls("test");
    private final VendorSlot slot = new VendorSlot(new ForeignBundle("vendor.test", "1.0.0", 7), UUID, calls);
    private final List<String> log = new CopyOnWriteArrayList<>();

    private static void assertErrno(Errno expected, Executable call) {
        assertEquals(expected, assertThrows(ErrnoException.class, call).errno());
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

    @Test
    void holdsAReplaceableObject() {
        assertThrows(IllegalStateException.class, slot::ops);
        Ops first = new Ops("1");
        slot.install(first);
        assertEquals(first, slot.ops());
        Ops second = new Ops("2");
        slot.install(second);
        assertEquals(second, slot.ops());
    }

    @Test
    void isQuietWhenNeitherOccupiedNorInside() throws ErrnoException {
        slot.install(new Ops("1"));
        assertTrue(slot.isQuiet());
        slot.occupy(LONG);
        assertFalse(slot.isQuiet());
        slot.enter();
        slot.vacate(() -> log.add("release"));
        assertEquals(List.of(), log, "an access is inside");
        assertFalse(slot.awaitVacant(Duration.ZERO));
        slot.leave();
        assertEquals(List.of("release"), log);
        assertTrue(slot.isQuiet());
        try (Gate.Entry _ = slot.enter("attribute")) {
            assertFalse(slot.isQuiet());
            assertTrue(slot.awaitVacant(Duration.ZERO));
        }
        assertTrue(slot.awaitQuiet(Deadline.in(Duration.ZERO)));
    }

    @Test
    void secondOccupantWaitsForTheReleaseOfTheFirst() throws Exception {
        slot.occupy(LONG);
        assertErrno(Errno.EBUSY, () -> slot.occupy(SHORT));
        CountDownLatch inRelease = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        Thread first = start(() -> slot.vacate(() -> {
            inRelease.countDown();
            Deadline.in(LONG).awaitUninterruptibly(go);
        }));
        assertTrue(Deadline.in(LONG).await(inRelease));
        ErrnoException busy = assertThrows(ErrnoException.class, () -> slot.occupy(SHORT));
        assertTrue(busy.toString().contains("inside: [release on thread "), busy::toString);
        Thread second = start(() -> slot.occupy(LONG));
        awaitParked(second);
        go.countDown();
        join(first);
        join(second);
        assertFalse(slot.isQuiet());
    }

    @Test
    void throwingReleaseLeavesTheSlotVacant() throws ErrnoException {
        slot.occupy(LONG);
        slot.vacate(() -> {
            throw new AssertionError("expected by the test");
        });
        assertTrue(slot.isQuiet());
    }

    @Test
    void interruptEndsAWaitForTheRelease() throws ErrnoException {
        slot.occupy(LONG);
        Thread.currentThread().interrupt();
        assertErrno(Errno.EINTR, () -> slot.occupy(LONG));
        assertTrue(Thread.interrupted());
    }

    /** The calls that a shut slot still admits, and those that it rejects. */
    @Test
    void shutSlotAdmitsOnlyTheRelease() throws ErrnoException {
        slot.install(new Ops("1"));
        slot.occupy(LONG);
        slot.shut();
        assertErrno(Errno.ENODEV, () -> slot.enter("attribute"));
        assertErrno(Errno.ENODEV, () -> slot.occupy(LONG));
        assertEquals("1", slot.callOccupied("DMA_UNMAP", ops -> ((Ops) ops).version()));
        slot.vacate(() -> log.add("release"));
        assertEquals(List.of("release"), log);
        assertErrno(Errno.ENODEV, () -> slot.callOccupied("DMA_UNMAP", _ -> ""));
    }

    @Test
    void whenQuietRunsOnceOnTheThreadThatLeavesLast() throws ErrnoException {
        Gate.Entry attribute = slot.enter("attribute");
        slot.occupy(LONG);
        slot.shut();
        slot.whenQuiet(() -> log.add("quiet"));
        attribute.close();
        assertEquals(List.of(), log);
        slot.vacate(() -> log.add("release"));
        assertEquals(List.of("release", "quiet"), log);
    }

    @Test
    void frozenSlotParksCallers() throws Exception {
        slot.install(new Ops("1"));
        slot.occupy(LONG);
        slot.freeze(Deadline.in(LONG));
        assertTrue(slot.awaitEmpty(Deadline.in(Duration.ZERO)));
        assertFalse(slot.isQuiet(), "the occupant stays");
        List<Thread> parked = List.of(
                start(() -> {
                    slot.enter();
                    log.add("access of " + slot.ops());
                    slot.leave();
                }),
                start(() -> slot.run("attribute", () -> log.add("attribute of " + slot.ops()))));
        parked.forEach(VendorSlotTest::awaitParked);
        slot.vacate(() -> log.add("release of " + slot.ops()));
        assertEquals(List.of(), log, "a release waits for the thaw, too");
        slot.install(new Ops("2"));
        slot.thaw();
        parked.forEach(VendorSlotTest::join);
        assertTrue(slot.awaitVacant(LONG));
        assertTrue(slot.awaitQuiet(Deadline.in(LONG)));
        assertEquals(
                Set.of("access of Ops[version=2]", "attribute of Ops[version=2]", "release of Ops[version=2]"),
                Set.copyOf(log),
                "no call sees the old object after the freeze");
    }

    /** The vendor's release may join the vendor's thread that makes the callback. */
    @Test
    void releaseWaitsForACallbackAndDoesNotRunOnItsThread() throws Exception {
        slot.install(new Ops("1"));
        slot.occupy(LONG);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        Thread worker = start(() -> slot.callOccupied("DMA_UNMAP", _ -> {
            inside.countDown();
            return Deadline.in(LONG).awaitUninterruptibly(go);
        }));
        assertTrue(Deadline.in(LONG).await(inside));
        slot.vacate(() -> {
            join(worker);
            log.add("release");
        });
        assertEquals(List.of(), log);
        assertErrno(Errno.EBUSY, () -> slot.occupy(SHORT));
        go.countDown();
        assertTrue(slot.awaitVacant(LONG));
        assertEquals(List.of("release"), log);
    }

    @Test
    void parkEndsAtTheDeadlineOfTheFreeze() {
        slot.freeze(Deadline.in(SHORT));
        assertErrno(Errno.EAGAIN, slot::enter);
        assertErrno(Errno.EAGAIN, () -> slot.enter("attribute"));
        assertErrno(Errno.EAGAIN, () -> slot.occupy(SHORT));
        slot.thaw();
        assertTrue(slot.isQuiet());
    }

    @Test
    void namesTheCallersInside() throws Exception {
        slot.install(new Ops("1"));
        CountDownLatch go = new CountDownLatch(1);
        Thread attribute = Thread.ofPlatform()
                .daemon()
                .name("reader")
                .start(() -> assertDoesNotThrow(() ->
                        slot.run("attribute power", () -> Deadline.in(LONG).awaitUninterruptibly(go))));
        Thread access = Thread.ofPlatform()
                .daemon()
                .name("vfio-user-" + UUID)
                .start(() -> assertDoesNotThrow(() -> {
                    slot.enter();
                    // A frame of the vendor's package, as in a real access.
                    Deadline.in(LONG).awaitUninterruptibly(go);
                    slot.leave();
                }));
        awaitParked(attribute);
        awaitParked(access);
        assertEquals(
                List.of("attribute power on thread reader", "a region access or ioctl on thread vfio-user-" + UUID),
                slot.inside());
        Throwable stacks = slot.stacks();
        assertNotNull(stacks);
        assertEquals("stack of thread reader", stacks.getMessage());
        assertEquals("stack of thread vfio-user-" + UUID, stacks.getSuppressed()[0].getMessage());
        go.countDown();
        join(attribute);
        join(access);
        assertEquals(List.of(), slot.inside());
    }

    /**
     * Concurrent users, attributes, freezes and releases: no access of a detached user is inside during or after its
     * release, and no call is inside a frozen slot. Fails if an enter checks the flags before it increments the count,
     * if the claim of the release does not check the count again, or if a handle checks its session before it enters.
     */
    @Test
    void stress() throws Exception {
        slot.install(new Ops("1"));
        AtomicInteger inVendor = new AtomicInteger();
        AtomicInteger violations = new AtomicInteger();
        AtomicInteger releases = new AtomicInteger();
        AtomicBoolean over = new AtomicBoolean();
        Thread freezer = start(() -> {
            while (!over.get()) {
                slot.freeze(Deadline.in(LONG));
                if (slot.awaitEmpty(Deadline.in(LONG)) && inVendor.get() != 0) {
                    violations.incrementAndGet();
                }
                slot.thaw();
                Thread.onSpinWait();
            }
        });
        Thread attributes = start(() -> {
            while (!over.get()) {
                slot.run("attribute", () -> {
                    inVendor.incrementAndGet();
                    inVendor.decrementAndGet();
                });
            }
        });
        int rounds = 500;
        for (int round = 0; round < rounds; round++) {
            AtomicBoolean session = new AtomicBoolean(true);
            AtomicBoolean released = new AtomicBoolean();
            slot.occupy(LONG);
            List<Thread> users = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                users.add(start(() -> {
                    while (true) {
                        slot.enter();
                        if (!session.get()) {
                            slot.leave();
                            return;
                        }
                        inVendor.incrementAndGet();
                        if (released.get()) {
                            violations.incrementAndGet();
                        }
                        inVendor.decrementAndGet();
                        slot.leave();
                    }
                }));
            }
            session.set(false);
            slot.vacate(() -> {
                released.set(true);
                releases.incrementAndGet();
            });
            assertTrue(slot.awaitVacant(LONG));
            users.forEach(VendorSlotTest::join);
        }
        over.set(true);
        join(freezer);
        join(attributes);
        assertEquals(rounds, releases.get());
        assertEquals(0, violations.get());
        assertTrue(slot.isQuiet());
    }
}
