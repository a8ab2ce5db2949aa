package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.vfio.IoEvent;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import vfio.mdev.TestPlatform;

/** GET_REGION_IO_FDS (libvfio-user's test_device_get_region_io_fds.py): the card has doorbells in BAR1 only. */
final class RegionIoFdsTest {
    private static final int ENTRY = 48;

    @TestFactory
    Stream<DynamicTest> cases() {
        Cases cases = new Cases();
        refused(
                cases,
                "a payload of 15 bytes",
                Requests.regionIoFds(512, 0, 2, 0).cut(15));
        refused(cases, "flags 1", Requests.regionIoFds(512, 1, 2, 0));
        refused(cases, "a count", Requests.regionIoFds(512, 0, 2, 1));
        refused(cases, "argsz 0", Requests.regionIoFds(0, 0, 2, 0));
        refused(cases, "argsz 15", Requests.regionIoFds(15, 0, 2, 0));
        refused(cases, "argsz above max_data_xfer_size", Requests.regionIoFds((1 << 20) + 1, 0, 2, 0));
        refused(cases, "argsz 2^32-1", Requests.regionIoFds(-1, 0, 2, 0));
        refused(cases, "a region that is not there", Requests.regionIoFds(512, 0, 5, 0));
        refused(cases, "index 9", Requests.regionIoFds(512, 0, 9, 0));
        refused(cases, "index 512", Requests.regionIoFds(512, 0, 512, 0));
        refused(cases, "index 2^32-1", Requests.regionIoFds(512, 0, -1, 0));
        for (int index : new int[] {0, 2, 4, 7}) {
            for (int argsz : new int[] {16, 512}) {
                cases.add("region " + index + " with argsz " + argsz + " has none", (_, client) -> {
                    Message answer = client.ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(argsz, 0, index, 0));
                    assertEquals(16, answer.size());
                    assertEquals(
                            List.of(16, 0, index, 0),
                            List.of(answer.u32(0), answer.u32(4), answer.u32(8), answer.u32(12)),
                            "argsz, flags, index, count");
                    assertEquals(List.of(), answer.fds());
                });
            }
        }
        cases.add("the eventfds of BAR1, as many as a message carries", (rig, client) -> {
            Message answer = client.ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(4096, 0, 1, 0));
            answer.fds().forEach(rig::owned);
            assertEquals(16 + 16 * ENTRY, answer.size());
            assertEquals(
                    List.of(answer.size(), 0, 1, 16),
                    List.of(answer.u32(0), answer.u32(4), answer.u32(8), answer.u32(12)),
                    "argsz, flags, index, count");
            assertEquals(16, answer.fds().size());
            for (int i = 0; i < 16; i++) {
                IoEvent event = Card.DOORBELLS.get(i);
                int at = 16 + i * ENTRY;
                assertEquals(event.offset(), answer.u64(at), "offset");
                assertEquals(event.size(), answer.u64(at + 8), "size");
                assertEquals(
                        List.of(i, 0, event.datamatch().isPresent() ? 1 : 0, 0),
                        List.of(answer.u32(at + 16), answer.u32(at + 20), answer.u32(at + 24), answer.u32(at + 28)),
                        "descriptor, type, flags, padding");
                long value = event.datamatch().orElse(0);
                assertEquals(value, answer.u64(at + 32), "datamatch of the specification");
                assertEquals(value, answer.u64(at + 40), "datamatch of libvfio-user");
            }
            signal(answer.fds().get(0));
            assertEquals("8=efcdab89", rung(rig));
            signal(answer.fds().get(1));
            assertEquals("16=0000000000000000", rung(rig));
            signal(answer.fds().get(15));
            assertEquals("90=0d00", rung(rig));
            client.write(1, 8, (byte) 1, (byte) 2, (byte) 3, (byte) 4);
            assertEquals("8=01020304", rung(rig), "an ordinary write");
        });
        cases.add("the eventfds of BAR1 with an argsz that is too small", (_, client) -> {
            for (int argsz : new int[] {16, 16 + 16 * ENTRY - 1}) {
                Message answer = client.ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(argsz, 0, 1, 0));
                assertEquals(16, answer.size());
                assertEquals(List.of(16 + 16 * ENTRY, 16), List.of(answer.u32(0), answer.u32(12)), "argsz, count");
                assertEquals(List.of(), answer.fds());
            }
        });
        return cases.run();
    }

    /** A client that states no limit accepts one descriptor per message; the other doorbells are writes. */
    @TestFactory
    Stream<DynamicTest> fewDescriptors() {
        Cases cases = new Cases();
        for (var most :
                Map.of("{}", 1, "{\"capabilities\":{\"max_msg_fds\":0}}", 0).entrySet()) {
            cases.add("of " + most.getKey(), (rig, client) -> {
                client.negotiate(most.getKey());
                Message answer = client.ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(4096, 0, 1, 0));
                answer.fds().forEach(rig::owned);
                assertEquals(most.getValue(), answer.fds().size());
                assertEquals(most.getValue(), answer.u32(12));
            });
        }
        return cases.runSilent();
    }

    /** A client that signals without pause delays no other client, and its own commands are answered. */
    @TestFactory
    Stream<DynamicTest> aFlood() {
        return new Cases()
                .add("of signals", (rig, client) -> {
                    Message answer = client.ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(4096, 0, 1, 0));
                    answer.fds().forEach(rig::owned);
                    var other = new Card();
                    Client quiet = rig.owned(Client.connect(rig.socket(rig.platform.add(1, other))))
                            .negotiate();
                    Message own = quiet.ok(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(4096, 0, 1, 0));
                    own.fds().forEach(rig::owned);
                    var done = new AtomicBoolean();
                    Thread flood = Thread.ofPlatform().start(() -> {
                        try {
                            while (!done.get()) {
                                signal(answer.fds().get(0));
                                rig.card.rung.clear();
                            }
                        } catch (LinuxException e) {
                            throw new AssertionError(e);
                        }
                    });
                    for (int i = 0; i < 1000; i++) {
                        signal(own.fds().get(2));
                        assertEquals("64=0000", rung(other));
                        client.requireAlive();
                        quiet.requireAlive();
                    }
                    done.set(true);
                    flood.join();
                })
                .run();
    }

    static void signal(Fd fd) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            fd.write(arena.allocateFrom(ValueLayout.JAVA_LONG, 1));
        }
    }

    static String rung(Rig rig) throws InterruptedException {
        return rung(rig.card);
    }

    static String rung(Card card) throws InterruptedException {
        String write = card.rung.poll(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS);
        if (write == null) {
            throw new AssertionError("no write comes");
        }
        return write;
    }

    private static void refused(Cases cases, String name, Payload payload) {
        cases.refused(name, Errno.EINVAL, Commands.GET_REGION_IO_FDS, payload);
    }
}
