package mdev.fuse;

import static mdev.fuse.MountedTree.ONE;
import static mdev.fuse.MountedTree.named;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Notifications of other processes that poll an attribute. */
@RequiresFuse
final class PollTest extends MountedTreeTestSupport {
    private static final String CREATE = named("echo ONE > TYPE/create; ");

    @BeforeEach
    void assumePython() throws Exception {
        tree.assumePython();
    }

    /** The sequence of the kernel's documentation: read, poll for POLLPRI, seek to the beginning and read again. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            TYPE/available_instances               | echo TWO > TYPE/create          | 23, woken, 22
            bus/mdev/devices/ONE/vendor/value      | echo new > FILE                 | unset, woken, new
            bus/mdev/devices/ONE/vendor/value      | echo TWO > TYPE/create          | unset, quiet, unset
            """)
    void pollWakesWhenAnAttributeChanges(String file, String change, String seen) {
        assertEquals("", tree.sh(CREATE));

        String out = tree.sh(named("""
                exec python3 - <<'PY'
                import os, select, subprocess
                fd = os.open("FILE", os.O_RDONLY)
                read = lambda: os.pread(fd, 4096, 0).decode().strip()
                poll = select.poll()
                poll.register(fd, select.POLLPRI)
                before = poll.poll(0) and read()
                assert not poll.poll(0)
                change = subprocess.Popen(["bash", "-c", "sleep 0.2; CHANGE"])
                woken = poll.poll(WAIT)
                change.wait()
                print(before, "woken" if woken else "quiet", read(), sep=", ")
                PY
                """.replace("CHANGE", change)
                .replace("FILE", file)
                .replace("WAIT", seen.contains("quiet") ? "1000" : "60000")));

        assertEquals(seen + "\n", out);
    }

    /** As with a write, but caused by the vendor's notification or the removal of the device. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            changed | POLLPRI POLLERR                | by itself
            removed | POLLPRI POLLERR                | No such device
            """)
    void pollWakesOnTheVendorsChangeAndOnRemoval(String how, String events, String then) throws Exception {
        assertEquals("", tree.sh(CREATE));
        Process polls = tree.start(named("""
                exec python3 - <<'PY'
                import os, select
                fd = os.open("bus/mdev/devices/ONE/vendor/value", os.O_RDONLY)
                os.pread(fd, 4096, 0)
                poll = select.poll()
                poll.register(fd, select.POLLPRI)
                assert not poll.poll(0)
                print("asleep", flush=True)
                woken = poll.poll(60000)[0][1]
                print(*[name for name in ("POLLPRI", "POLLERR") if woken & getattr(select, name)])
                try:
                    print(os.pread(fd, 4096, 0).decode().strip())
                except OSError as error:
                    print(error.strerror)
                PY
                """));
        BufferedReader seen = polls.inputReader();
        assertEquals("asleep", seen.readLine());

        if (how.equals("changed")) {
            tree.vendor.change(ONE, "by itself\n");
            tree.core.sysfs().changed("bus/mdev/devices/" + ONE + "/vendor/value");
        } else {
            assertEquals("", tree.sh("echo 1 > bus/mdev/devices/" + ONE + "/remove"));
        }
        assertEquals(List.of(events, then), seen.lines().toList());
    }

    /** One notification is enough: an edge-triggered epoll would report each further one. */
    @Test
    void removalIsReportedOnce() {
        assertEquals("", tree.sh(CREATE + named("for i in 2 3; do echo TWO | sed s/1002/100$i/ > TYPE/create; done")));

        assertEquals("woken\nquiet\nquiet\n", tree.sh(named("""
                exec python3 - <<'PY'
                import os, select
                def remove(uuid):
                    with open(f"bus/mdev/devices/{uuid}/remove", "w") as file:
                        file.write("1")
                fd = os.open("bus/mdev/devices/ONE/vendor/value", os.O_RDONLY)
                os.pread(fd, 4096, 0)
                epoll = select.epoll()
                epoll.register(fd, select.EPOLLPRI | select.EPOLLET)
                assert not epoll.poll(0)
                for uuid in "ONE", "TWO", "TWO".replace("1002", "1003"):
                    remove(uuid)
                    print("woken" if epoll.poll(0) else "quiet")
                PY
                """)));
    }
}
