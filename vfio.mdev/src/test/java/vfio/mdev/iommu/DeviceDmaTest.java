package vfio.mdev.iommu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.mdev.iommu.Users.assertErrno;

import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.function.Consumer;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.VfioNotifier;
import org.junit.jupiter.api.Test;
import vfio.mdev.Await;

/** The calls of a vendor's notifiers, and the wait for running calls at their end. */
class DeviceDmaTest {
    private static final Duration MINUTES = Duration.ofMinutes(2);
    private static final DeviceDma.Calls DIRECT = (_, call) -> call.run();

    private final ConcurrentLinkedQueue<String> events = new ConcurrentLinkedQueue<>();
    private final BackEnd backEnd = new BackEnd();

    /**
     * A back-end of another bundle: it does not wait for running calls of an unregistered notifier, and may call it
     * late.
     */
    private static final class BackEnd implements DmaAttachment {
        private final List<VfioNotifier.DmaUnmap> registered = new CopyOnWriteArrayList<>();
        private final List<VfioNotifier.DmaUnmap> ever = new CopyOnWriteArrayList<>();

        @Override
        public void registerNotifier(VfioNotifier notifier) {
            registered.add((VfioNotifier.DmaUnmap) notifier);
            ever.add((VfioNotifier.DmaUnmap) notifier);
        }

        @Override
        public void unregisterNotifier(VfioNotifier notifier) throws ErrnoException {
            if (!registered.remove(notifier)) {
                throw new ErrnoException(Errno.ENOENT);
            }
        }

        @Override
        public void detach() {
            registered.clear();
        }

        void unmap() {
            ever.forEach(notifier -> notifier.dmaUnmap(0x1000, 0x2000));
        }
    }

    private interface Ending {
        void end(DeviceDma dma, VfioNotifier notifier) throws ErrnoException;
    }

    private static Thread start(String name, Runnable work) {
        return Thread.ofPlatform().daemon().name(name).start(work);
    }

    private static void join(Thread thread) throws InterruptedException {
        assertTrue(thread.join(MINUTES), () -> thread + " does not end: " + List.of(thread.getStackTrace()));
    }

    private static void await(CountDownLatch latch) {
        Await.until("the test to go on", () -> latch.getCount() == 0);
    }

    private void endsAfterTheCall(Ending ending) throws Exception {
        DeviceDma dma = new DeviceDma(DIRECT, "vendor", backEnd, "user", MINUTES);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        VfioNotifier.DmaUnmap notifier = (_, _) -> {
            inside.countDown();
            await(goOn);
            events.add("the call returns");
        };
        dma.registerNotifier(notifier);
        Thread unmapping = start("unmapping", backEnd::unmap);
        await(inside);
        Thread ender = start("ending", () -> {
            try {
                ending.end(dma, notifier);
                events.add("the notifier has ended");
            } catch (ErrnoException e) {
                events.add(e.toString());
            }
        });
        Await.until("it waits, or has ended", () -> switch (ender.getState()) {
            case WAITING, TIMED_WAITING, TERMINATED -> true;
            default -> false;
        });
        goOn.countDown();
        join(ender);
        join(unmapping);
        assertEquals(List.of("the call returns", "the notifier has ended"), List.copyOf(events));
    }

    @Test
    void unregistrationWaitsForTheRunningCall() throws Exception {
        endsAfterTheCall(DeviceDma::unregisterNotifier);
    }

    @Test
    void releaseWaitsForTheRunningCall() throws Exception {
        endsAfterTheCall((dma, _) -> dma.detach());
    }

    @Test
    void notifierUnregistersItself() throws Exception {
        DeviceDma dma = new DeviceDma(DIRECT, "vendor", backEnd, "user", MINUTES);
        dma.registerNotifier(new VfioNotifier.DmaUnmap() {
            @Override
            public void dmaUnmap(long iova, long size) {
                try {
                    dma.unregisterNotifier(this);
                    events.add("unregistered");
                } catch (ErrnoException e) {
                    events.add(e.toString());
                }
            }
        });
        backEnd.unmap();
        backEnd.unmap();
        assertEquals(List.of("unregistered"), List.copyOf(events));
    }

    @Test
    void hungCallIsWaitedForUntilADeadline() throws Exception {
        DeviceDma dma = new DeviceDma(DIRECT, "vendor", backEnd, "user", Duration.ZERO);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        VfioNotifier.DmaUnmap notifier = (_, _) -> {
            inside.countDown();
            await(goOn);
        };
        dma.registerNotifier(notifier);
        Thread hanging = start("hanging", backEnd::unmap);
        await(inside);
        assertErrno(Errno.ETIMEDOUT, () -> dma.unregisterNotifier(notifier));
        assertErrno(Errno.ENOENT, () -> dma.unregisterNotifier(notifier));
        assertEquals(List.of(), backEnd.registered);
        dma.detach();
        goOn.countDown();
        join(hanging);
    }

    @Test
    void noCallBeginsAfterTheEnd() throws Exception {
        DeviceDma dma = new DeviceDma(DIRECT, "vendor", backEnd, "user", MINUTES);
        VfioNotifier.DmaUnmap first = (_, _) -> events.add("first");
        dma.registerNotifier(first);
        dma.registerNotifier((VfioNotifier.DmaUnmap) (_, _) -> events.add("second"));
        backEnd.unmap();
        dma.unregisterNotifier(first);
        backEnd.unmap();
        dma.detach();
        backEnd.unmap();
        assertEquals(List.of("first", "second", "second"), List.copyOf(events));
        assertErrno(Errno.ENODEV, () -> dma.registerNotifier(first));
    }

    @Test
    void eachCallRunsInsideTheSlot() throws Exception {
        DeviceDma.Calls door = (name, call) -> {
            events.add("enter for " + name);
            call.run();
            events.add("leave");
        };
        DeviceDma dma = new DeviceDma(door, "vendor", backEnd, "user", MINUTES);
        dma.registerNotifier((VfioNotifier.DmaUnmap) (_, _) -> events.add("dmaUnmap"));
        backEnd.unmap();
        dma.registerNotifier(new Client(events::add));
        dma.clientGone();
        assertEquals(
                List.of(
                        "enter for DMA_UNMAP of iova 0x1000+0x2000",
                        "dmaUnmap",
                        "leave",
                        "enter for attached to user",
                        "attached",
                        "leave",
                        "enter for detached from user",
                        "detached",
                        "leave"),
                List.copyOf(events));
    }

    @Test
    void shutSlotAttachesNoClient() {
        DeviceDma.Calls shut = (_, _) -> {
            throw new ErrnoException(Errno.ENODEV);
        };
        DeviceDma dma = new DeviceDma(shut, "vendor", backEnd, "user", MINUTES);
        assertErrno(Errno.ENODEV, () -> dma.registerNotifier(new Client(events::add)));
        dma.clientGone();
        assertEquals(List.of(), List.copyOf(events));
    }

    @Test
    void throwingAttachedIsNotRegistered() {
        DeviceDma dma = new DeviceDma(DIRECT, "vendor", backEnd, "user", MINUTES);
        Client client = new Client(event -> {
            events.add(event);
            throw new IllegalStateException("a vendor's fault");
        });
        assertErrno(Errno.EIO, () -> dma.registerNotifier(client));
        assertErrno(Errno.ENOENT, () -> dma.unregisterNotifier(client));
        dma.clientGone();
        assertEquals(List.of("attached"), List.copyOf(events));
    }

    /**
     * The user leaves while the vendor's attached call is still running: the vendor receives attached and detached, in
     * this order, once each.
     */
    @Test
    void hungAttachedIsFollowedByDetached() throws Exception {
        DeviceDma dma = new DeviceDma(DIRECT, "vendor", backEnd, "user", Duration.ZERO);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Client client = new Client(event -> {
            inside.countDown();
            await(goOn);
            events.add(event);
        });
        Thread registering = start("registering", () -> register(dma, client));
        await(inside);
        dma.clientGone();
        goOn.countDown();
        join(registering);
        assertEquals(List.of("attached", "detached"), List.copyOf(events));
    }

    /**
     * Registrations race with the release: each is rejected, or attached and then detached, before the vendor's
     * release.
     */
    @Test
    void everyAttachedIsFollowedByOneDetached() throws Exception {
        int attached = 0;
        for (int round = 0; round < 3_000; round++) {
            DeviceDma dma = new DeviceDma(DIRECT, "vendor", backEnd, "user", MINUTES);
            CyclicBarrier barrier = new CyclicBarrier(2);
            Queue<String> heard = new ConcurrentLinkedQueue<>();
            Queue<String> answer = new ConcurrentLinkedQueue<>();
            Thread vendor = start("vendor", () -> {
                pass(barrier);
                answer.add(register(dma, new Client(heard::add)));
            });
            pass(barrier);
            dma.clientGone();
            List<String> beforeRelease = List.copyOf(heard);
            join(vendor);
            if (answer.contains("ok")) {
                attached++;
                assertEquals(List.of("attached", "detached"), beforeRelease);
            }
            assertEquals(beforeRelease, List.copyOf(heard), "called after the vendor's release");
            assertEquals(answer.contains("ok") ? 2 : 0, heard.size());
        }
        assertTrue(attached > 0, "no registration came before the release");
    }

    private static void pass(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** @return ok, or the errno */
    private static String register(DeviceDma dma, VfioNotifier notifier) {
        try {
            dma.registerNotifier(notifier);
            return "ok";
        } catch (ErrnoException e) {
            return e.errno().name();
        }
    }

    private record Client(Consumer<String> heard) implements VfioNotifier.Client {
        @Override
        public void attached(String name) {
            heard.accept("attached");
        }

        @Override
        public void detached() {
            heard.accept("detached");
        }
    }

    /** A driver that pins pages can be queried, and its device saved, while it has no user. */
    @Test
    void deviceWithoutUserTakesNotifiers() throws Exception {
        DeviceDma none = DeviceDma.none();
        VfioNotifier.DmaUnmap notifier = (_, _) -> events.add("unmapped");
        none.registerNotifier(notifier);
        assertErrno(Errno.EEXIST, () -> none.registerNotifier(notifier));
        none.unregisterNotifier(notifier);
        assertErrno(Errno.ENOENT, () -> none.unregisterNotifier(notifier));
        none.registerNotifier(notifier);
        none.detach();
        assertEquals(List.of(), List.copyOf(events));
    }
}
