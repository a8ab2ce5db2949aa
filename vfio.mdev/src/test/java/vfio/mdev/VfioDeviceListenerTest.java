package vfio.mdev;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDeviceListener;
import org.junit.jupiter.api.Test;

/** A server of devices is notified of each device and releases it before its removal. */
class VfioDeviceListenerTest {
    private final TestPlatform platform = new TestPlatform();

    VfioDeviceListenerTest() throws ErrnoException {}

    /** Records its notifications. */
    private static class Heard implements VfioDeviceListener {
        final List<String> events = Collections.synchronizedList(new ArrayList<>());

        @Override
        public void added(String name, int group, Vfio vfio) {
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
