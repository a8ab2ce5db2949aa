package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.errno.ErrnoException;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.MemFd;
import vfio.mdev.TestPlatform;
import vfio.user.VfioUser;
import vfio.user.session.ClientLimits;
import vfio.user.session.Options;
import vfio.user.session.SocketAccess;

/**
 * A platform with one card, its server, and clients. After the close, none of its resources may be left in the process.
 */
final class Rig implements AutoCloseable {
    static final int PAGE = 4096;

    /** Timeouts of a server that are long enough for any machine. */
    static final Options PATIENT = options(TestPlatform.PATIENCE, TestPlatform.PATIENCE, TestPlatform.PATIENCE);

    /** The name of the clients' memory in {@code /proc/self/maps}. */
    private static final String MEMORY = "wire-client";

    private final Map<String, Integer> before = Descriptors.open();
    private final List<Runnable> owned = new ArrayList<>();

    private final Path home = Files.createTempDirectory("vfu");
    final Path directory = home.resolve("vfio-user");
    final TestPlatform platform;
    final VfioUser server;
    final Card card;
    final Mdev mdev;

    static Options options(Duration takeOver, Duration leave, Duration answer) {
        ClientLimits limits = new ClientLimits(1024, 64, 4L << 40, 512);
        return new Options(100, takeOver, leave, answer, Duration.ofSeconds(5), SocketAccess.OWNER, limits);
    }

    Rig() throws ErrnoException, IOException {
        this(PATIENT);
    }

    Rig(Options options) throws ErrnoException, IOException {
        this(options, TestPlatform.PATIENCE);
    }

    /** @param ask how long a client with REQ may take to leave */
    Rig(Options options, Duration ask) throws ErrnoException, IOException {
        this(options, ask, new Card());
    }

    Rig(Card card) throws ErrnoException, IOException {
        this(PATIENT, TestPlatform.PATIENCE, card);
    }

    private Rig(Options options, Duration ask, Card card) throws ErrnoException, IOException {
        this.card = card;
        platform = new TestPlatform(ask);
        server = serve(platform, directory, options);
        mdev = platform.add(0, card);
    }

    /** Starts a server, as DS does. */
    static VfioUser serve(TestPlatform platform, Path directory, Options options) {
        VfioUser made = new VfioUser(directory, options);
        made.clear();
        platform.vfio.addListener(made);
        return made;
    }

    /** Ends a server, as DS does. */
    void end(VfioUser running) {
        platform.vfio.removeListener(running);
        running.close();
    }

    Path socket() {
        return socket(mdev);
    }

    Path socket(Mdev device) {
        return directory.resolve(device.uuid() + ".sock");
    }

    /** Closed with the rig in reverse order, as are the next two. */
    Client owned(Client client) {
        owned.add(client::close);
        return client;
    }

    EventFd owned(EventFd event) {
        owned.add(event::close);
        return event;
    }

    Fd owned(Fd fd) {
        owned.add(fd::close);
        return fd;
    }

    /** A connection on which nothing was sent yet. */
    Client connect() throws LinuxException {
        return owned(Client.connect(socket()));
    }

    /** A connection with a negotiated version. */
    Client client() throws LinuxException {
        return connect().negotiate();
    }

    EventFd eventFd() throws LinuxException {
        return owned(EventFd.create());
    }

    /** A client's memory. */
    Fd memory(long size) throws LinuxException {
        return owned(MemFd.create(MEMORY, size));
    }

    long mappings() {
        return Descriptors.mappingsOf(MEMORY);
    }

    /** Waits until a value is as expected: the resources of a connection are released on the server's threads. */
    static <T> void await(String what, T expected, Supplier<T> actual) {
        long deadline = System.nanoTime() + TestPlatform.PATIENCE.toNanos();
        while (!expected.equals(actual.get())) {
            if (System.nanoTime() - deadline > 0) {
                assertEquals(expected, actual.get(), what);
                return;
            }
            LockSupport.parkNanos(100_000);
        }
    }

    /** Asserts that the next client is served as if it was the first. */
    void requireServing() throws LinuxException {
        try (Client next = served()) {
            next.requireAlive();
        }
    }

    /**
     * A client with a negotiated version. Retries if it is rejected because earlier clients are still disconnecting.
     */
    Client served() throws LinuxException {
        long deadline = System.nanoTime() + TestPlatform.PATIENCE.toNanos();
        for (; ; ) {
            Client next = Client.connect(socket());
            if (next.tries()) {
                return next;
            }
            next.close();
            assertTrue(System.nanoTime() - deadline < 0, "the next client is served");
            LockSupport.parkNanos(1_000_000);
        }
    }

    @Override
    public void close() throws IOException {
        owned.reversed().forEach(Runnable::run);
        server.close();
        try (Stream<Path> left = Files.list(home)) {
            assertEquals(List.of(), left.toList(), "what the server leaves behind");
        }
        platform.close();
        Files.delete(home);
        await("open descriptors", before, Descriptors::open);
        await("mappings of clients' memory", 0L, this::mappings);
    }
}
