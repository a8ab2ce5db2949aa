package mdev.linux;

import static mdev.linux.Answers.EBADF;
import static mdev.linux.Answers.EEXIST;
import static mdev.linux.Answers.ENOENT;
import static mdev.linux.Answers.EPERM;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
@Timeout(600)
class EpollTest {
    private static final Duration NO_WAIT = Duration.ZERO;
    private static final Duration LONG = Duration.ofHours(1);

    @Test
    void oneThreadServesManyListeners(@TempDir Path directory) throws Exception {
        List<UnixServerSocket> servers = new ArrayList<>();
        List<UnixSocket> clients = new ArrayList<>();
        try (Epoll epoll = Epoll.create(16)) {
            for (int i = 0; i < 500; i++) {
                UnixServerSocket server = UnixServerSocket.listen(directory.resolve(i + ".sock"), 5, 0);
                servers.add(server);
                epoll.add(server.fd(), Epoll.EPOLLIN, i);
            }
            assertEquals(0, epoll.await(NO_WAIT));
            Set<Long> expected = new HashSet<>();
            Random random = new Random(3);
            while (expected.size() < 100) {
                int i = random.nextInt(servers.size());
                if (expected.add((long) i)) {
                    clients.add(UnixSocket.connect(servers.get(i).path(), 0));
                }
            }
            Set<Long> served = new HashSet<>();
            while (served.size() < expected.size()) {
                int n = epoll.await(LONG);
                for (int i = 0; i < n; i++) {
                    assertEquals(Epoll.EPOLLIN, epoll.events(i));
                    served.add(epoll.data(i));
                    servers.get((int) epoll.data(i)).tryAccept().orElseThrow().close();
                }
            }
            assertEquals(expected, served);
            assertEquals(0, epoll.await(NO_WAIT), "all accepted");
        } finally {
            clients.forEach(UnixSocket::close);
            servers.forEach(UnixServerSocket::close);
        }
    }

    @Test
    void registrationsAreAddedChangedAndRemoved() throws Exception {
        try (Epoll epoll = Epoll.create(4);
                EventFd event = EventFd.create();
                Fd file = MemFd.create("mdev-test", 1)) {
            epoll.add(event.fd(), Epoll.EPOLLIN | Epoll.EPOLLOUT, Long.MAX_VALUE);
            refused(EEXIST, () -> epoll.add(event.fd(), Epoll.EPOLLIN, 1));
            refused(EPERM, () -> epoll.add(file, Epoll.EPOLLIN, 1));
            assertThrows(IllegalArgumentException.class, () -> epoll.add(file, Epoll.EPOLLIN, -1));
            assertEquals(1, epoll.await(LONG));
            assertEquals(Epoll.EPOLLOUT, epoll.events(0));
            assertEquals(Long.MAX_VALUE, epoll.data(0));

            epoll.modify(event.fd(), Epoll.EPOLLIN, 5);
            assertEquals(0, epoll.await(NO_WAIT));
            event.signal();
            assertEquals(1, epoll.await(LONG));
            assertEquals(5, epoll.data(0));

            epoll.remove(event.fd());
            assertEquals(0, epoll.await(NO_WAIT));
            refused(ENOENT, () -> epoll.remove(event.fd()));
            refused(ENOENT, () -> epoll.modify(event.fd(), Epoll.EPOLLIN, 5));
        }
    }

    @Test
    void wakeupIsNoEventAndHidesNone() throws Exception {
        try (Epoll epoll = Epoll.create(4);
                EventFd first = EventFd.create();
                EventFd second = EventFd.create()) {
            epoll.wakeup();
            assertEquals(0, epoll.await(LONG));
            assertEquals(0, epoll.await(NO_WAIT), "once");

            epoll.add(first.fd(), Epoll.EPOLLIN, 1);
            epoll.add(second.fd(), Epoll.EPOLLIN, 2);
            epoll.wakeup();
            first.signal();
            second.signal();
            assertEquals(2, epoll.await(LONG));
            assertEquals(Set.of(1L, 2L), Set.of(epoll.data(0), epoll.data(1)));
        }
    }

    @Test
    void anotherThreadMayWakeAddAndClose() throws Exception {
        Epoll epoll = Epoll.create(4);
        try (EventFd event = EventFd.create()) {
            FutureTask<Integer> waiter = Threads.start("epoll-waiter", () -> epoll.await(LONG));
            Threads.awaitAsleep("epoll-waiter");
            epoll.wakeup();
            assertEquals(0, Threads.get(waiter));

            waiter = Threads.start("epoll-adder", () -> epoll.await(LONG));
            Threads.awaitAsleep("epoll-adder");
            epoll.add(event.fd(), Epoll.EPOLLOUT, 7);
            assertEquals(1, Threads.get(waiter));
            epoll.remove(event.fd());

            FutureTask<String> closed = Threads.start("epoll-closer", () -> refused(EBADF, () -> epoll.await(LONG)));
            Threads.awaitAsleep("epoll-closer");
            epoll.close();
            Threads.get(closed);
            epoll.close();
            refused(EBADF, () -> epoll.await(NO_WAIT));
            refused(EBADF, () -> epoll.add(event.fd(), Epoll.EPOLLIN, 1));
        }
    }
}
