package mdev.pci;

import static mdev.api.vfio.VfioPci.INTX_IRQ;
import static mdev.api.vfio.VfioPci.MSIX_IRQ;
import static mdev.api.vfio.VfioPci.MSI_IRQ;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.pci.Interrupts.Source;
import mdev.pci.PciFunction.Pin;
import org.junit.jupiter.api.Test;

/** The line of several sources, messages instead of it, and COMMAND and STATUS. */
class InterruptsTest {
    private final List<Source> sources = new ArrayList<>();
    private final List<Interrupts> interrupts = new ArrayList<>();
    private final TestDevice device =
            new TestDevice(PciFunction.of(1, 2).interruptPin(Pin.INTA).build(), made -> {
                interrupts.add(made);
                sources.addAll(List.of(made.source(), made.source()));
                return List.of();
            });
    private final UserIrqs user = new UserIrqs();

    @Test
    void lineIsTheOrOfItsSources() throws ErrnoException {
        device.open(user);
        user.arm(INTX_IRQ, 0);
        sources.get(0).level(true);
        sources.get(1).level(true);
        assertEquals(1, user.signals(INTX_IRQ, 0), "one line, one signal");
        sources.get(0).level(false);
        assertTrue(user.line());
        user.unmask();
        assertEquals(2, user.signals(INTX_IRQ, 0), "still high");
        sources.get(1).level(false);
        assertFalse(user.line());
    }

    @Test
    void commandDisablesTheLineAndStatusStillShowsIt() throws ErrnoException {
        device.open(user);
        device.config(5, "04");
        sources.get(0).level(true);
        assertFalse(user.line());
        assertEquals("0800", device.config(6, 2));
        device.config(5, "00");
        assertTrue(user.line());
        device.config(5, "04");
        assertFalse(user.line());
        device.ioctl(new Reset());
        assertTrue(user.line(), "reset enables it again");
        sources.get(0).level(false);
        assertEquals("0000", device.config(6, 2));
    }

    @Test
    void newUserGetsTheCurrentLevel() throws ErrnoException {
        sources.get(1).level(true);
        device.open(user);
        user.arm(INTX_IRQ, 0);
        assertEquals(1, user.signals(INTX_IRQ, 0));
        device.release();
        sources.get(1).level(false);
        assertTrue(user.line(), "not his any more");
        var next = new UserIrqs();
        device.open(next);
        assertFalse(next.line());
    }

    @Test
    void armedMessagesReplaceTheLine() throws ErrnoException {
        for (int index : new int[] {MSI_IRQ, MSIX_IRQ}) {
            var messages = new UserIrqs();
            device.open(messages);
            messages.arm(index, 0);
            sources.get(0).level(true);
            sources.get(1).level(true);
            assertEquals(2, messages.signals(index, 0), "each source tells that it rose");
            sources.get(1).level(true);
            assertEquals(2, messages.signals(index, 0), "it had risen already");
            assertFalse(messages.line());
            messages.disarm(index, 0);
            sources.get(1).level(false);
            assertTrue(messages.line(), "source 0 is on the line again");
            sources.get(0).level(false);
            device.release();
        }
    }

    @Test
    void messagesGoToTheirVector() throws ErrnoException {
        interrupts.getFirst().message(MSIX_IRQ, 2);
        device.open(user);
        user.arm(MSIX_IRQ, 2);
        interrupts.getFirst().message(MSIX_IRQ, 2);
        interrupts.getFirst().message(MSIX_IRQ, 1);
        assertEquals(1, user.signals(MSIX_IRQ, 2));
        assertEquals(0, user.signals(MSIX_IRQ, 1));
    }

    @Test
    void sourcesAreLimited() {
        for (int i = sources.size(); i < 2048; i++) {
            interrupts.getFirst().source();
        }
        assertThrows(IllegalStateException.class, interrupts.getFirst()::source);
        assertThrows(IllegalArgumentException.class, () -> interrupts.getFirst().source(-1));
        assertThrows(IllegalArgumentException.class, () -> interrupts.getFirst().source(2048));
    }

    /**
     * One thread has seen all sources low and is about to say so when another raises one. Fails when
     * {@code Interrupts.drive} does not look again after it set the line.
     */
    @Test
    void sourceRisingDuringTheFallIsNotLost() throws ErrnoException {
        var late = new ForwardingIrqs(user, high -> {
            if (!high) {
                sources.get(0).level(true);
            }
        });
        sources.get(1).level(true);
        device.open(late);
        sources.get(1).level(false);
        assertTrue(user.line(), "source 0 is high");
    }

    /** And the reverse: the line is enabled while the last source falls. */
    @Test
    void sourceFallingDuringTheRiseDoesNotLeaveTheLineHigh() throws ErrnoException {
        var late = new ForwardingIrqs(user, high -> {
            if (high) {
                sources.get(1).level(false);
            }
        });
        device.config(5, "04");
        sources.get(1).level(true);
        device.open(late);
        device.config(5, "00");
        assertFalse(user.line(), "no source is high");
    }

    /** Lets something happen between the decision about the line and its setting. */
    private record ForwardingIrqs(UserIrqs user, Consumer<Boolean> before) implements VfioContext {
        @Override
        public boolean armed(int index, int vector) {
            return user.armed(index, vector);
        }

        @Override
        public void trigger(int index, int vector) {
            user.trigger(index, vector);
        }

        @Override
        public void setIntx(boolean high) {
            before.accept(high);
            user.setIntx(high);
        }
    }

    @Test
    void concurrentSourcesLeaveTheLineCorrect() throws Exception {
        int rounds = 20_000;
        device.open(user);
        var arrived = new AtomicInteger();
        try (var pool = Executors.newFixedThreadPool(2)) {
            List<Future<?>> done = new ArrayList<>();
            for (int me = 0; me < 2; me++) {
                int source = me;
                done.add(pool.submit(() -> {
                    for (int round = 0; round < rounds; round++) {
                        meet(arrived, 4 * round + 2);
                        sources.get(source).level(high(source, round));
                        meet(arrived, 4 * round + 4);
                        assertEquals(high(0, round) || high(1, round), user.line(), "round " + round);
                    }
                    return null;
                }));
            }
            for (Future<?> future : done) {
                future.get();
            }
        }
    }

    private static boolean high(int source, int round) {
        return new SplittableRandom(2L * round + source).nextBoolean();
    }

    /** Waits, spinning so that the threads leave together, until {@code count} arrivals were counted. */
    static void meet(AtomicInteger arrived, int count) throws TimeoutException {
        arrived.incrementAndGet();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        for (int spins = 0; arrived.get() < count; spins++) {
            if (System.nanoTime() > deadline) {
                throw new TimeoutException("the other thread did not come to " + count);
            }
            if (spins < 1000) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(1);
            }
        }
    }
}
