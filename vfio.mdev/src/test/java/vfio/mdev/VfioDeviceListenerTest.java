package vfio.mdev;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDeviceListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server of devices is notified of each device and releases it before its removal. */
class VfioDeviceListenerTest {
    private final TestPlatform platform = new TestPlatform();

    VfioDeviceListenerTest() throws ErrnoException {}

    /** Records the notifications. */
    private static class Heard implements VfioDeviceListener {
        final List<String> events = Collections.synchronizedList(new ArrayList<>());

        @Override
        public void added(String name, int group, Vfio vfio) throws ErrnoException {
            events.add("added " + name + " " + group);
        }

        @Override
        public void removing(String name) {
            events.add("removing " + name);
        }

        @Override
        public void removed(String name) {
            events.add("removed " + name);
        }
    }

    @Test
    void receivesExistingAddedAndRemovedDevices() throws ErrnoException {
        UUID first = platform.add(3, new TestVendor()).uuid();
        Heard heard = new Heard();
        platform.vfio.addListener(heard);
        assertEquals(List.of("added " + first + " 3"), heard.events);
        Mdev second = platform.add(4, new TestVendor());
        platform.remove(second);
        assertEquals(
                List.of(
                        "added " + first + " 3",
                        "added " + second.uuid() + " 4",
                        "removing " + second.uuid(),
                        "removed " + second.uuid()),
                heard.events);
        platform.vfio.removeListener(heard);
        platform.close();
        assertEquals(4, heard.events.size(), "it gets no further notifications");
    }

    @Test
    void deviceCanBeOpenedFromAddedUntilRemoved() throws ErrnoException {
        List<String> seen = new ArrayList<>();
        OpenedDevice[] open = new OpenedDevice[1];
        platform.vfio.addListener(new VfioDeviceListener() {
            @Override
            public void added(String name, int group, Vfio vfio) {
                try {
                    open[0] = OpenedDevice.open(vfio, group, name, "listener");
                    open[0].device().ioctl(new GetInfo());
                    seen.add("opened");
                } catch (ErrnoException e) {
                    seen.add(e.toString());
                }
            }

            @Override
            public void removing(String name) {
                try {
                    open[0].device().ioctl(new GetInfo());
                    seen.add("works still");
                } catch (ErrnoException e) {
                    seen.add(e.toString());
                }
            }

            @Override
            public void removed(String name) {
                Errno errno = assertThrows(
                                ErrnoException.class, () -> open[0].device().ioctl(new GetInfo()))
                        .errno();
                seen.add(errno.name());
                open[0].close();
            }
        });
        platform.remove(platform.add(0, new TestVendor()));
        assertEquals(List.of("opened", "works still", "ENODEV"), seen);
        platform.close();
    }

    @Test
    void failingListenerDoesNotAffectOthers() throws ErrnoException {
        Heard heard = new Heard();
        platform.vfio.addListener(new Heard() {
            @Override
            public void added(String name, int group, Vfio vfio) {
                throw new IllegalStateException("on purpose");
            }
        });
        platform.vfio.addListener(heard);
        platform.remove(platform.add(0, new TestVendor()));
        assertEquals(3, heard.events.size());
        platform.close();
    }

    /** A device that the server of the sockets cannot expose is not bound, and no listener keeps it. */
    @Test
    void refusalOfAListenerLeavesTheDeviceUnbound() throws ErrnoException {
        Heard refusing = new Heard() {
            @Override
            public void added(String name, int group, Vfio vfio) throws ErrnoException {
                super.added(name, group, vfio);
                throw new ErrnoException(Errno.EMFILE, "on purpose");
            }
        };
        Heard heard = new Heard();
        platform.vfio.addListener(heard);
        platform.vfio.addListener(refusing);
        Errno errno = assertThrows(ErrnoException.class, () -> platform.add(0, new TestVendor()))
                .errno();
        assertEquals(Errno.EMFILE, errno);
        assertEquals(1, refusing.events.size(), "it is not told of the removal of what it does not have");
        assertEquals(3, heard.events.size());
        assertEquals(List.of(), platform.vfio.groups());
        platform.vfio.removeListener(refusing);
        platform.remove(platform.add(0, new TestVendor()));
        platform.close();
    }

    /** Without the monitor of BoundDevice, a listener added during a removal is notified too late, or twice. */
    @Test
    void receivesEachDeviceOnce() throws Exception {
        for (int round = 0; round < 300; round++) {
            Heard heard = new Heard();
            CountDownLatch start = new CountDownLatch(1);
            List<Mdev> going = IntStream.range(0, 4).mapToObj(this::add).toList();
            Thread remover = Thread.ofPlatform().start(() -> {
                await(start);
                going.forEach(platform::remove);
            });
            List<Mdev> coming = new ArrayList<>();
            Thread adder = Thread.ofPlatform().start(() -> {
                await(start);
                IntStream.range(4, 8).forEach(group -> coming.add(add(group)));
            });
            start.countDown();
            platform.vfio.addListener(heard);
            remover.join();
            adder.join();
            for (Mdev device : going) {
                List<String> told = of(heard, device);
                List<String> all = List.of("added", "removing", "removed");
                assertEquals(told.isEmpty() ? List.of() : all, told);
            }
            for (Mdev device : coming) {
                assertEquals(List.of("added"), of(heard, device));
            }
            platform.vfio.removeListener(heard);
            coming.forEach(platform::remove);
        }
        platform.close();
    }

    /** A listener that, once enabled, hangs in one event of each device. */
    private static final class Hanging extends Heard {
        final CountDownLatch inside = new CountDownLatch(1);
        final CountDownLatch go = new CountDownLatch(1);
        private final String event;

        Hanging(String event) {
            this.event = event;
        }

        private void hang(String in) {
            if (event.equals(in)) {
                inside.countDown();
                VfioDeviceListenerTest.await(go);
            }
        }

        @Override
        public void added(String name, int group, Vfio vfio) throws ErrnoException {
            hang("added");
            super.added(name, group, vfio);
        }

        @Override
        public void removing(String name) {
            hang("removing");
            super.removing(name);
        }

        @Override
        public void removed(String name) {
            hang("removed");
            super.removed(name);
        }
    }

    /**
     * Neither the devices nor the other listeners wait for it; once it returns, it is notified of the events since, in
     * order for each device.
     */
    @ParameterizedTest
    @ValueSource(strings = {"added", "removing", "removed"})
    void hangingListenerDelaysNobody(String event) throws Exception {
        Hanging hanging = new Hanging(event);
        Heard heard = new Heard();
        platform.vfio.addListener(hanging);
        platform.vfio.addListener(heard);
        bounded(() -> {
            Mdev first = add(0);
            Mdev second = add(1);
            platform.remove(first, PATIENCE);
            platform.remove(second, PATIENCE);
            Mdev third = add(2);
            assertEquals(7, heard.events.size(), heard.events::toString);
            List<String> all = List.of("added", "removing", "removed");
            assertEquals(all, of(heard, first));
            assertEquals(all, of(heard, second));
            hanging.inside.await();
            hanging.go.countDown();
            boolean late = event.equals("added"); // the second was removed before the notification
            Await.until("told of the last device", () -> hanging.events.size() == (late ? 4 : 7));
            assertEquals(all, of(hanging, first));
            assertEquals(late ? List.of() : all, of(hanging, second));
            assertEquals(List.of("added"), of(hanging, third));
            platform.remove(third);
            assertEquals(all, of(hanging, third), "it is waited for again");
        });
        platform.close();
        String line = Hanging.class.getName() + " has not returned from " + event + " of device ";
        assertTrue(logged(line));
    }

    /** Fails if {@link Subscription} does not wait for another thread that notifies the listener of the device. */
    @Test
    void removalWaitsForTheNotificationOfTheDevice() throws Exception {
        Mdev device = add(0);
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        VfioDeviceListener slow = new VfioDeviceListener() {
            @Override
            public void added(String name, int group, Vfio vfio) {
                inside.countDown();
                VfioDeviceListenerTest.await(go);
            }

            @Override
            public void removing(String name) {
                seen.add(platform.vfio.devices().containsKey(name) ? "removing" : "removing too late");
            }

            @Override
            public void removed(String name) {
                seen.add("removed");
            }
        };
        Thread adder = Thread.ofPlatform().start(() -> platform.vfio.addListener(slow));
        inside.await();
        Thread remover = Thread.ofPlatform().start(() -> platform.remove(device));
        Await.until("the removal waits", () -> !remover.isAlive() || isWaitingForAnotherTeller());
        go.countDown();
        remover.join();
        assertEquals(List.of("removing", "removed"), seen);
        adder.join();
        platform.close();
    }

    private static boolean isWaitingForAnotherTeller() {
        return Thread.getAllStackTraces().values().stream()
                .flatMap(Stream::of)
                .anyMatch(frame -> frame.getClassName().equals(Subscription.class.getName())
                        && frame.getMethodName().equals("begin"));
    }

    /** Like rmmod vfio_mdev, and like the stop of the listener's bundle. */
    @Test
    void hangingListenerDelaysNoUnloading() throws Exception {
        Hanging hanging = new Hanging("removed");
        platform.vfio.addListener(hanging);
        bounded(() -> {
            platform.remove(add(0), PATIENCE);
            add(1);
            platform.vfio.removeListener(hanging);
            platform.close();
        });
        hanging.go.countDown();
        assertTrue(logged(Hanging.class.getName() + " is unregistered while a call of it has not returned"));
    }

    /** Short, so that the second of two devices is bound while the listener hangs in the first. */
    private static final Duration PATIENCE = Duration.ofMillis(200);

    private static boolean logged(String text) throws IOException {
        return Files.readAllLines(Path.of(System.getProperty("org.slf4j.simpleLogger.logFile"))).stream()
                .anyMatch(line -> line.contains(text));
    }

    private interface Steps {
        void run() throws Exception;
    }

    private static void bounded(Steps steps) throws Exception {
        FutureTask<Void> task = new FutureTask<>(() -> {
            steps.run();
            return null;
        });
        Thread.ofPlatform().daemon().start(task);
        task.get(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    private Mdev add(int group) {
        try {
            return platform.add(group, new TestVendor());
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static List<String> of(Heard heard, Mdev device) {
        return List.copyOf(heard.events).stream()
                .filter(event -> event.contains(device.uuid().toString()))
                .map(event -> event.substring(0, event.indexOf(' ')))
                .toList();
    }
}
