package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Requests.EVENTFD;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Requests.TRIGGER;
import static vfio.user.conformance.Rig.PAGE;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.linux.EventFd;
import mdev.linux.LinuxException;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import vfio.mdev.TestPlatform;
import vfio.user.VfioUser;
import vfio.user.session.Options;

/** Clients, devices and the server start and end in any order. */
final class LifetimeTest {
    private static final int REQ = 4;
    /** A second client is rejected at once. */
    private static final Options IMPATIENT = Rig.options(Duration.ZERO, TestPlatform.PATIENCE, TestPlatform.PATIENCE);

    /** Every kind of resource that a client can pass. */
    private static void give(Rig rig, Client client) throws Exception {
        client.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), rig.memory(PAGE));
        client.ok(Commands.DMA_MAP, Requests.map(RW, 0, 16 * PAGE, PAGE), rig.memory(PAGE));
        client.ok(Commands.DMA_MAP, Requests.map(RW, 0, 32 * PAGE, PAGE));
        client.ok(
                Commands.SET_IRQS,
                Requests.setIrqs(EVENTFD | TRIGGER, 2, 0, 2),
                rig.eventFd().fd(),
                rig.eventFd().fd());
        client.ok(
                Commands.SET_IRQS,
                Requests.setIrqs(EVENTFD | TRIGGER, 0, 0, 1),
                rig.eventFd().fd());
        client.write(0, 0, (byte) 77);
        client.write(2, 0x2000, (byte) 78);
        Dma.write(rig.card.context(), 0, (byte) 1);
    }

    /** The ways in which a client may disconnect. */
    private interface Farewell {
        void of(Rig rig, Client client) throws Exception;
    }

    @TestFactory
    Stream<DynamicTest> clients() {
        Cases cases = new Cases();
        gone(cases, "that closes", (_, client) -> client.close());
        gone(cases, "that closes in the middle of a header", (_, client) -> {
            client.sendBytes(new byte[7]);
            client.close();
        });
        gone(cases, "that closes in the middle of a payload", (rig, client) -> {
            client.sendBytes(
                    Message.header(1, Commands.DMA_MAP, 48, 0, 0).array(),
                    rig.eventFd().fd());
            client.close();
        });
        gone(cases, "that closes without having read its answers", (_, client) -> {
            for (int i = 0; i < 200; i++) {
                client.send(Commands.GET_INFO, Requests.info(16));
            }
            client.close();
        });
        gone(cases, "that closes while a large answer is on its way", (_, client) -> {
            for (int i = 0; i < 4; i++) {
                client.send(Commands.REGION_READ, Requests.read(4, 0, 1 << 20));
            }
            client.receive();
            client.close();
        });
        gone(cases, "that closes while the device waits for its bytes", (rig, client) -> {
            FutureTask<String> read = Dma.start(() -> Dma.errno(() -> Dma.read(rig.card.context(), 32 * PAGE, 8)));
            client.receive();
            client.close();
            assertEquals("EIO", Dma.get(read));
        });
        gone(cases, "that closes while the device pins its memory", (rig, client) -> {
            rig.card.context().pinPages(new long[] {0, 16}, RW);
            client.close();
        });
        gone(cases, "that closes in its own access", (rig, client) -> {
            CountDownLatch leave = new CountDownLatch(1);
            rig.card.onDoorbell = _ -> Dma.await(leave);
            int before = rig.card.accesses.get();
            client.send(Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
            Rig.await("in the device", before + 1, rig.card.accesses::get);
            client.close();
            leave.countDown();
        });
        return cases.run();
    }

    /** The client's resources are released, the device's state is kept, and the next client is served. */
    private static void gone(Cases cases, String name, Farewell farewell) {
        cases.add("a client " + name + " leaves nothing behind but the device's state", (rig, client) -> {
            give(rig, client);
            farewell.of(rig, client);
            Rig.await("mappings", 0L, rig::mappings);
            Rig.await("releases", 1, rig.card.releases::get);
            Client next = rig.client();
            assertEquals(77, next.read(0, 0, 1)[0], "registers");
            assertEquals(0, next.read(2, 0x2000, 1)[0], "memory is each user's own");
            assertEquals(0, rig.card.resets.get(), "resets");
            assertFalse(rig.card.context().armed(2, 0), "armed");
            assertFalse(rig.card.context().armed(0, 0), "armed");
            assertEquals("EINVAL", Dma.errno(() -> Dma.read(rig.card.context(), 0, 1)));
            next.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, 64 * PAGE));
        });
    }

    @TestFactory
    Stream<DynamicTest> crowds() {
        return new Cases()
                .add("a hundred clients one after the other are served alike", (rig, client) -> {
                    client.close();
                    for (int i = 1; i <= 100; i++) {
                        Rig.await("releases", i, rig.card.releases::get);
                        try (Client next = Client.connect(rig.socket()).negotiate()) {
                            next.write(0, 0, (byte) i);
                        }
                    }
                    Rig.await("releases", 101, rig.card.releases::get);
                    assertEquals(101, rig.card.opens.get());
                })
                .add("a client that connects while the previous one ends is served after its end", (rig, client) -> {
                    Client next = rig.connect();
                    int id = next.send(Commands.VERSION, Requests.version(0, 1, "{}"));
                    client.requireAlive();
                    client.close();
                    next.receive().requireOk(id, Commands.VERSION);
                    next.requireAlive();
                })
                .run();
    }

    @Test
    void secondClientGetsEbusyAndTheFirstContinues() throws Exception {
        try (Rig rig = new Rig(IMPATIENT)) {
            Client first = rig.client();
            Client second = rig.connect();
            for (int i = 0; i < 10; i++) {
                int id = second.send(Commands.VERSION, Requests.version(0, 1, "{}"));
                second.receive().requireRefusal(id, Commands.VERSION, Errno.EBUSY);
                first.requireAlive();
            }
            assertEquals(1, rig.card.opens.get());
            first.close();
            Rig.await("served", true, () -> second.tries());
            second.requireAlive();
        }
    }

    @Test
    void silentConnectionsDoNotBlockTheDevice() throws Exception {
        try (Rig rig = new Rig(IMPATIENT)) {
            rig.connect();
            List<Client> crowd = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                crowd.add(rig.connect());
            }
            crowd.forEach(Client::close);
            rig.requireServing();
        }
    }

    /**
     * A device is removed while in use: the client is disconnected, and none of its resources is left when the removal
     * returns.
     */
    @TestFactory
    Stream<DynamicTest> removals() {
        return new Cases()
                .add("the removal of an idle device takes its socket away", (rig, client) -> {
                    client.close();
                    Rig.await("releases", 1, rig.card.releases::get);
                    rig.platform.remove(rig.mdev);
                    assertFalse(Files.exists(rig.socket()));
                    assertThrows(LinuxException.class, rig::connect);
                })
                .add("the removal of a device ends its client's connection", (rig, client) -> {
                    give(rig, client);
                    rig.platform.remove(rig.mdev);
                    assertFalse(Files.exists(rig.socket()));
                    assertEquals(0, rig.mappings());
                    assertEquals(1, rig.card.releases.get());
                    client.requireEnd();
                })
                .add("the removal of a device ends a connection on which nothing was said", (rig, client) -> {
                    client.close();
                    Client silent = rig.connect();
                    rig.platform.remove(rig.mdev);
                    silent.requireEnd();
                })
                .add("a client with REQ is asked to leave first, and may", (rig, client) -> {
                    EventFd request = rig.eventFd();
                    client.ok(Commands.SET_IRQS, Requests.setIrqs(EVENTFD | TRIGGER, REQ, 0, 1), request.fd());
                    FutureTask<Void> removal = Dma.start(() -> {
                        rig.platform.remove(rig.mdev);
                        return null;
                    });
                    assertTrue(request.await(TestPlatform.PATIENCE), "asked");
                    client.write(0, 0, (byte) 1);
                    assertFalse(removal.isDone());
                    client.close();
                    Dma.get(removal);
                    assertEquals(1, rig.card.releases.get());
                })
                .add("what a client has sent before is answered, so that it waits for nothing", (rig, client) -> {
                    CountDownLatch leave = new CountDownLatch(1);
                    rig.card.onDoorbell = _ -> Dma.await(leave);
                    int inside = client.send(Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
                    Rig.await("in the device", 1, rig.card.accesses::get);
                    int[] queued = new int[20];
                    for (int i = 0; i < queued.length; i++) {
                        queued[i] = client.send(Commands.REGION_READ, Requests.read(0, 0, 4));
                    }
                    FutureTask<Void> removal = Dma.start(() -> {
                        rig.platform.remove(rig.mdev);
                        return null;
                    });
                    Rig.await("the removal of the socket", false, () -> Files.exists(rig.socket()));
                    leave.countDown();
                    client.receive().requireOk(inside, Commands.REGION_WRITE);
                    for (int id : queued) {
                        Message answer = client.receive();
                        assertEquals(id, answer.id());
                        assertTrue(
                                (answer.flags() & Message.ERROR) != 0
                                        ? answer.errno() == Errno.ENODEV.number()
                                        : answer.size() == 20);
                    }
                    client.requireEnd();
                    Dma.get(removal);
                })
                .add("another device is served as if nothing was", (rig, client) -> {
                    Mdev other = rig.platform.add(1, new Card());
                    try (Client others = Client.connect(rig.socket(other)).negotiate()) {
                        rig.platform.remove(rig.mdev);
                        client.requireEnd();
                        others.write(0, 0, (byte) 1);
                        others.requireAlive();
                    }
                })
                .run();
    }

    @Test
    void deviceRemovedDuringAnAccessIsReleasedAfterIt() throws Exception {
        Duration moment = Duration.ofMillis(50);
        try (Rig rig = new Rig(Rig.options(TestPlatform.PATIENCE, moment, TestPlatform.PATIENCE))) {
            Client client = rig.client();
            CountDownLatch leave = new CountDownLatch(1);
            rig.card.onDoorbell = _ -> Dma.await(leave);
            client.send(Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
            Rig.await("in the device", 1, rig.card.accesses::get);
            rig.platform.remove(rig.mdev, moment);
            assertFalse(Files.exists(rig.socket()));
            client.requireEnd();
            leave.countDown();
            Rig.await("releases", 1, rig.card.releases::get);
        }
    }

    @Test
    void startClearsTheSocketsOfAKilledPlatform() throws Exception {
        Path home = Files.createTempDirectory("vfu");
        Path directory = Files.createDirectory(home.resolve("vfio-user"));
        Files.createFile(directory.resolve("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001.sock"));
        try (TestPlatform platform = new TestPlatform();
                VfioUser server = Rig.serve(platform, directory, Rig.PATIENT)) {
            try (var left = Files.list(directory)) {
                assertEquals(0, left.count());
            }
            assertFalse(server.names().iterator().hasNext());
        }
        assertFalse(Files.exists(directory));
        Files.delete(home);
    }

    @Test
    void clientThatIgnoresTheRequestIsDisconnected() throws Exception {
        try (Rig rig = new Rig(Rig.PATIENT, Duration.ofMillis(50))) {
            Client client = rig.client();
            EventFd request = rig.eventFd();
            client.ok(Commands.SET_IRQS, Requests.setIrqs(EVENTFD | TRIGGER, REQ, 0, 1), request.fd());
            rig.platform.remove(rig.mdev);
            assertTrue(request.read() >= 1, "asked");
            client.requireEnd();
            assertEquals(1, rig.card.releases.get());
        }
    }

    @Test
    void changedRequestTimeoutAppliesToTheNextRemoval() throws Exception {
        Duration tooLong = Duration.ofHours(1);
        try (Rig rig = new Rig(Rig.PATIENT, tooLong)) {
            Client client = rig.client();
            EventFd request = rig.eventFd();
            client.ok(Commands.SET_IRQS, Requests.setIrqs(EVENTFD | TRIGGER, REQ, 0, 1), request.fd());
            rig.platform.vfio.configure(Map.of("requestTimeout", "50"));
            Thread removal =
                    Thread.ofPlatform().daemon().start(() -> rig.platform.remove(rig.mdev, tooLong.multipliedBy(4)));
            assertTrue(removal.join(TestPlatform.PATIENCE), "it does not wait for an hour");
            client.requireEnd();
        }
    }

    @TestFactory
    Stream<DynamicTest> servers() {
        return new Cases()
                .add("a server that ends cuts its clients off and takes its sockets away", (rig, client) -> {
                    give(rig, client);
                    rig.end(rig.server);
                    client.requireEnd();
                    assertFalse(Files.exists(rig.socket()));
                    assertEquals(0, rig.mappings());
                    assertEquals(1, rig.card.releases.get());
                    rig.end(rig.server);
                })
                .add("a server that begins serves the devices that are there", (rig, client) -> {
                    client.write(0, 0, (byte) 5);
                    rig.end(rig.server);
                    try (VfioUser _ = Rig.serve(rig.platform, rig.directory, Rig.PATIENT)) {
                        Client next = rig.client();
                        assertEquals(5, next.read(0, 0, 1)[0]);
                    }
                })
                .add("a socket that a killed server left is replaced", (rig, client) -> {
                    client.close();
                    rig.end(rig.server);
                    Files.createDirectories(rig.directory);
                    Files.createFile(rig.socket());
                    try (VfioUser _ = Rig.serve(rig.platform, rig.directory, Rig.PATIENT)) {
                        rig.requireServing();
                    }
                })
                .add("a device is listened for before its creation returns, and only by its owner", (rig, _) -> {
                    Mdev other = rig.platform.add(1, new Card());
                    assertEquals(
                            "rw-------",
                            PosixFilePermissions.toString(Files.getPosixFilePermissions(rig.socket(other))));
                    Client.connect(rig.socket(other)).negotiate().close();
                })
                .run();
    }
}
