package mdev.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import mdev.core.golden.Answers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many concurrent threads; each race ends in one of its permitted states and leaves nothing behind. */
@Timeout(300)
class StressTest {
    private static final int ROUNDS = 150;

    /** Runs all actions concurrently and rethrows their exceptions. */
    private static void together(List<? extends Callable<?>> calls) throws Exception {
        CyclicBarrier start = new CyclicBarrier(calls.size());
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<Future<?>> running = new ArrayList<>();
            for (Callable<?> call : calls) {
                running.add(threads.submit(() -> {
                    start.await();
                    return call.call();
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        }
    }

    /** Writes; the tolerated errnos count as success. */
    private static boolean write(SysfsFile file, String value, Set<Errno> tolerated) throws ErrnoException {
        try {
            file.write(value.getBytes(StandardCharsets.UTF_8));
            return true;
        } catch (ErrnoException e) {
            if (!tolerated.contains(e.errno())) {
                throw e;
            }
            return false;
        }
    }

    private static void assertNothingLeft(Rig rig) {
        assertTrue(rig.core.devices().isEmpty(), () -> rig.core.devices().toString());
        assertEquals("", Answers.names(rig.sysfs(), "/sys/bus/mdev/devices"));
        assertEquals("", Answers.names(rig.sysfs(), "/sys/kernel/iommu_groups"));
    }

    @Test
    void createsRaceUnregister() throws Exception {
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            for (int round = 0; round < ROUNDS; round++) {
                TestMtty mtty = new TestMtty();
                Registration parent = rig.load(mtty);
                SysfsFile create = rig.file(Rig.TYPES + "mtty-1/create");
                Callable<?> creator = () -> {
                    while (write(create, UUID.randomUUID().toString(), EnumSet.of(Errno.ENODEV))) {
                        if (mtty.created.get() > 16) {
                            break;
                        }
                    }
                    return null;
                };
                together(List.of(creator, creator, creator, () -> {
                    parent.close();
                    assertTrue(mtty.balanced());
                    return null;
                }));
                assertTrue(mtty.balanced());
                assertEquals(0, vfio.bound());
                assertNothingLeft(rig);
            }
        }
    }

    @Test
    void removesRaceUnregisterAndEachOther() throws Exception {
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            for (int round = 0; round < ROUNDS; round++) {
                TestMtty mtty = new TestMtty();
                Registration parent = rig.load(mtty);
                List<SysfsFile> removes = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    removes.add(rig.file(Rig.DEVICES + rig.create("mtty-1") + "/remove"));
                }
                AtomicInteger won = new AtomicInteger();
                Callable<?> remover = () -> {
                    for (SysfsFile remove : removes) {
                        if (write(remove, "1", EnumSet.of(Errno.ENODEV))) {
                            won.incrementAndGet();
                        }
                    }
                    return null;
                };
                together(List.of(remover, remover, () -> {
                    parent.close();
                    return null;
                }));
                assertTrue(won.get() <= removes.size(), "a device is removed once");
                assertTrue(mtty.balanced());
                assertEquals(0, vfio.bound());
                assertNothingLeft(rig);
            }
        }
    }

    @Test
    void sixteenThreadsAndTenThousandDevices() throws Exception {
        int threads = 16;
        int devices = 10_000;
        long seed = System.nanoTime();
        TestMtty mtty = new TestMtty(1 << 20);
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(mtty);
            List<UUID> uuids =
                    IntStream.range(0, 2_000).mapToObj(i -> new UUID(seed, i)).toList();
            Set<Errno> races = EnumSet.of(Errno.EEXIST, Errno.ENODEV, Errno.ENOENT);
            together(IntStream.range(0, threads)
                    .<Callable<?>>mapToObj(thread -> () -> {
                        Random random = new Random(seed + thread);
                        while (mtty.created.get() < devices) {
                            UUID uuid = uuids.get(random.nextInt(uuids.size()));
                            try {
                                if (random.nextInt(3) > 0) {
                                    rig.create("mtty-" + (1 + random.nextInt(2)), uuid);
                                } else {
                                    rig.remove(uuid);
                                }
                            } catch (ErrnoException e) {
                                assertTrue(races.contains(e.errno()), () -> "seed " + seed + ": " + e);
                            }
                        }
                        return null;
                    })
                    .toList());
            assertEquals(rig.core.devices().size(), vfio.bound());
            assertEquals(rig.core.devices().size(), mtty.created.get() - mtty.removed.get());
            for (MdevDevice device : rig.core.devices()) {
                rig.remove(device.uuid());
            }
            assertTrue(mtty.balanced());
            assertEquals(0, vfio.bound());
            assertNothingLeft(rig);
            assertEquals("", Answers.names(rig.sysfs(), Rig.TYPES + "mtty-1/devices"));
        }
    }

    @Test
    void concurrentDriverAndDeviceAreBound() throws Exception {
        try (Rig rig = new Rig()) {
            rig.load(new TestMtty());
            for (int round = 0; round < ROUNDS; round++) {
                UUID uuid = UUID.randomUUID();
                TestVfio driver = new TestVfio(rig.vfio);
                List<Registration> registered = new ArrayList<>();
                together(List.of(
                        () -> {
                            rig.create("mtty-1", uuid);
                            return null;
                        },
                        () -> registered.add(rig.vfio.registerDriver(driver))));
                assertTrue(rig.exists(Rig.DEVICES + uuid + "/driver"), "round " + round);
                assertEquals(1, driver.bound());
                rig.remove(uuid);
                registered.forEach(Registration::close);
            }
            assertNothingLeft(rig);
        }
    }

    @Test
    void unregisteredDriverLeavesNoDeviceBound() throws Exception {
        try (Rig rig = new Rig()) {
            rig.load(new TestMtty());
            for (int round = 0; round < ROUNDS; round++) {
                UUID uuid = UUID.randomUUID();
                UUID there = rig.create("mtty-1");
                TestVfio driver = new TestVfio(rig.vfio);
                Registration registered = rig.vfio.registerDriver(driver);
                together(List.of(
                        () -> {
                            rig.create("mtty-1", uuid);
                            return null;
                        },
                        () -> {
                            rig.remove(there);
                            return null;
                        },
                        () -> {
                            registered.close();
                            return null;
                        }));
                assertEquals(0, driver.bound(), "round " + round);
                assertTrue(!rig.exists(Rig.DEVICES + uuid + "/driver"));
                rig.remove(uuid);
            }
            assertNothingLeft(rig);
        }
    }

    @Test
    void eventsFollowTheOrderOfNumbersAndChanges() throws Exception {
        try (Rig rig = new Rig()) {
            rig.loadVfio();
            rig.load(new TestMtty(1 << 20));
            Callable<?> worker = () -> {
                for (int i = 0; i < 200; i++) {
                    rig.remove(rig.create("mtty-1"));
                }
                return null;
            };
            together(List.of(worker, worker, worker, worker));
            Rig.await(() -> rig.events().stream()
                            .filter(event -> event.action().equals("unbind"))
                            .count()
                    == 4 * 200);
            Rig.await(() -> rig.events().getLast().action().equals("remove"));
            for (int i = 0; i < rig.events().size(); i++) {
                assertEquals(Integer.toString(i + 1), rig.events().get(i).env().get("SEQNUM"));
            }
            rig.events().stream()
                    .filter(event -> "mdev".equals(event.env().get("SUBSYSTEM")))
                    .collect(java.util.stream.Collectors.groupingBy(event -> event.devpath()))
                    .values()
                    .forEach(events -> assertEquals(
                            List.of("add", "bind", "unbind", "remove"),
                            events.stream().map(event -> event.action()).toList()));
        }
    }
}
