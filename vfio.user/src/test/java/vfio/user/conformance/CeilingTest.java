package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Requests.EVENTFD;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Requests.TRIGGER;
import static vfio.user.conformance.Rig.PAGE;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import org.junit.jupiter.api.Test;
import vfio.mdev.TestPlatform;
import vfio.user.session.ClientLimits;
import vfio.user.session.Options;
import vfio.user.session.SocketAccess;

/** The limits of the resources that clients can make the process hold, alone and together. */
final class CeilingTest {
    private static final int MSIX = 2;
    private static final long TEBIBYTE = 1L << 40;

    private static Options options(int connections, Duration version) {
        return new Options(
                100,
                TestPlatform.PATIENCE,
                TestPlatform.PATIENCE,
                TestPlatform.PATIENCE,
                version,
                SocketAccess.OWNER,
                new ClientLimits(connections, 64, 4 * TEBIBYTE, 0));
    }

    private static List<Client> clients(Rig rig, int count) throws Exception {
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Mdev device = rig.platform.add(i + 1, new Card());
            clients.add(rig.owned(Client.connect(rig.socket(device)).negotiate()));
        }
        return clients;
    }

    @Test
    void clientsLeaveAddressSpaceToTheProcess() throws Exception {
        try (Rig rig = new Rig()) {
            List<Client> clients = clients(rig, 17);
            Client last = clients.removeLast();
            for (Client client : clients) {
                client.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), rig.memory(4 * TEBIBYTE));
            }
            assertEquals(16, rig.mappings());
            Fd memory = rig.memory(4 * TEBIBYTE);
            last.refused(Errno.ENOSPC, Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), memory);
            assertEquals(16, rig.mappings(), "no part of it either");
            clients.getFirst().ok(Commands.DMA_UNMAP, Requests.unmap(0, PAGE));
            last.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), memory);
            last.requireAlive();
        }
    }

    @Test
    void clientsLeaveMappingsToTheProcess() throws Exception {
        try (Rig rig = new Rig()) {
            rig.platform.vfio.configure(Map.of("maxFiles", "3"));
            List<Client> clients = clients(rig, 2);
            Client first = clients.getFirst();
            Client second = clients.getLast();
            Fd shared = rig.memory(PAGE);
            first.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), shared);
            second.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), shared); // costs nothing more
            first.ok(Commands.DMA_MAP, Requests.map(RW, 0, PAGE, PAGE), rig.memory(PAGE));
            first.ok(Commands.DMA_MAP, Requests.map(RW, 0, 2 * PAGE, PAGE), rig.memory(PAGE));
            second.refused(Errno.ENOSPC, Commands.DMA_MAP, Requests.map(RW, 0, PAGE, PAGE), rig.memory(PAGE));
            second.refused(Errno.ENOSPC, Commands.DMA_MAP, Requests.map(RW, 0, PAGE, PAGE), unsealable(rig));
            first.ok(Commands.DMA_UNMAP, Requests.unmap(PAGE, PAGE));
            second.ok(Commands.DMA_MAP, Requests.map(RW, 0, PAGE, PAGE), unsealable(rig));
        }
    }

    @Test
    void clientsShareALimitOfMappings() throws Exception {
        try (Rig rig = new Rig()) {
            rig.platform.vfio.configure(Map.of("maxMappings", "3"));
            List<Client> clients = clients(rig, 2);
            Client first = clients.getFirst();
            Client second = clients.getLast();
            Fd shared = rig.memory(4 * PAGE);
            first.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), shared);
            first.ok(Commands.DMA_MAP, Requests.map(RW, PAGE, PAGE, PAGE), shared);
            second.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE)); // accessed by messages
            second.refused(Errno.ENOSPC, Commands.DMA_MAP, Requests.map(RW, 0, PAGE, PAGE));
            second.refused(Errno.ENOSPC, Commands.DMA_MAP, Requests.map(RW, 0, PAGE, PAGE), shared);
            first.ok(Commands.DMA_UNMAP, Requests.unmap(PAGE, PAGE));
            second.ok(Commands.DMA_MAP, Requests.map(RW, 0, PAGE, PAGE), shared);
            second.refused(Errno.ENOSPC, Commands.DMA_MAP, Requests.map(RW, 0, 2 * PAGE, PAGE));
            first.close();
            second.ok(Commands.DMA_UNMAP, Requests.unmap(0, PAGE));
            second.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE));
        }
    }

    /** A file that costs a descriptor. */
    private static Fd unsealable(Rig rig) throws IOException, LinuxException {
        Path path = Files.createTempFile("wire", "file");
        Files.write(path, new byte[PAGE]);
        Fd fd = rig.owned(Fd.open(path, Fd.O_RDWR));
        Files.delete(path);
        return fd;
    }

    @Test
    void clientsLeaveDescriptorsToTheProcess() throws Exception {
        try (Rig rig = new Rig()) {
            Fd[] events = new Fd[16];
            for (int i = 0; i < events.length; i++) {
                events[i] = rig.eventFd().fd();
            }
            Payload request = Requests.setIrqs(EVENTFD | TRIGGER, MSIX, 0, events.length);
            int most = events[events.length - 1].number() + 8;
            try (SoftLimit _ = SoftLimit.of(2 * most)) { // half of it is reserved
                Client client = rig.client();
                client.refused(Errno.EMFILE, Commands.SET_IRQS, request, events);
                client.refused(Errno.EMFILE, Commands.GET_REGION_IO_FDS, Requests.regionIoFds(4096, 0, 1, 0));
                client.close();
                while (rig.eventFd().fd().number() < most) {}
                rig.connect().requireEnd();
            }
            rig.owned(rig.served()).ok(Commands.SET_IRQS, request, events);
        }
    }

    /** Sets RLIMIT_NOFILE of this process until closed. */
    private record SoftLimit(String before) implements AutoCloseable {
        static SoftLimit of(int most) throws IOException {
            SoftLimit limit = new SoftLimit(prlimit("--output=SOFT", "--noheadings", "--nofile"));
            prlimit("--nofile=" + most + ":");
            return limit;
        }

        private static String prlimit(String... arguments) throws IOException {
            List<String> command = new ArrayList<>(
                    List.of("prlimit", "--pid", "" + ProcessHandle.current().pid()));
            command.addAll(List.of(arguments));
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            assertEquals(0, process.onExit().join().exitValue(), out);
            return out;
        }

        @Override
        public void close() throws IOException {
            prlimit("--nofile=" + before + ":");
        }
    }

    @Test
    void devicesShareALimitOfConnections() throws Exception {
        try (Rig rig = new Rig(options(2, TestPlatform.PATIENCE))) {
            List<Client> clients = clients(rig, 2);
            rig.connect().requireEnd();
            clients.forEach(Client::requireAliveUnchecked);
            clients.getFirst().close();
            rig.requireServing();
        }
    }

    @Test
    void silentClientsGiveWayToOthers() throws Exception {
        try (Rig rig = new Rig(options(1024, TestPlatform.PATIENCE))) {
            List<Client> silent = Stream.generate(() -> 0)
                    .limit(8)
                    .map(_ -> {
                        try {
                            return rig.connect();
                        } catch (LinuxException e) {
                            throw new AssertionError(e);
                        }
                    })
                    .toList();
            silent.getLast().sendBytes(new byte[] {1});
            rig.client().requireAlive();
            silent.getFirst().requireEnd();
        }
    }

    @Test
    void attachedClientGivesWayToNobody() throws Exception {
        try (Rig rig = new Rig(options(1024, TestPlatform.PATIENCE))) {
            Client first = rig.client();
            for (int i = 0; i < 20; i++) {
                rig.connect();
                first.requireAlive();
            }
        }
    }

    @Test
    void versionSentByteByByteHasOneDeadline() throws Exception {
        try (Rig rig = new Rig(options(1024, Duration.ofMillis(200)))) {
            Client slow = rig.connect();
            byte[] version = Client.message(1, Commands.VERSION, 0, new Payload().zeroes(1 << 20));
            long deadline = System.nanoTime() + TestPlatform.PATIENCE.toNanos();
            boolean ended = false;
            for (int i = 0; !ended; i++) {
                assertTrue(System.nanoTime() - deadline < 0, "the server ends the connection");
                try {
                    slow.sendBytes(new byte[] {version[i]});
                } catch (LinuxException e) {
                    ended = true;
                }
                LockSupport.parkNanos(10_000_000);
            }
            rig.client().requireAlive();
        }
    }

    @Test
    void refusedMessagesExtendNoDeadline() throws Exception {
        try (Rig rig = new Rig(options(1024, Duration.ofMillis(200)))) {
            Client busy = rig.connect();
            long deadline = System.nanoTime() + TestPlatform.PATIENCE.toNanos();
            boolean ended = false;
            while (!ended) {
                assertTrue(System.nanoTime() - deadline < 0, "the server ends the connection");
                try {
                    busy.send(Commands.GET_INFO, Requests.info(16));
                    busy.receive();
                } catch (LinuxException | RuntimeException e) {
                    ended = true;
                }
            }
        }
    }
}
