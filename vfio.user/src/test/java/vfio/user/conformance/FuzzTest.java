package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.random.RandomGenerator;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import org.junit.jupiter.api.Test;

/**
 * Bytes that no client would send. The server may answer them in any way; it must not fail, leak their descriptors, or
 * stop serving the next client. A failure names its seed: {@code -Dfuzz.seed=N} repeats the same bytes.
 */
final class FuzzTest {
    private static final int CLIENTS = 300;
    private static final int MESSAGES = 40;
    private static final int[] INTERESTING = {
        0,
        1,
        2,
        3,
        4,
        7,
        8,
        9,
        15,
        16,
        20,
        24,
        31,
        32,
        33,
        64,
        4095,
        4096,
        4097,
        1 << 20,
        Integer.MAX_VALUE,
        1 << 31,
        -1
    };

    @Test
    void hostileBytesDoNoHarm() throws Exception {
        long seed = Long.getLong("fuzz.seed", System.nanoTime());
        System.out.println("FuzzTest: fuzz.seed=" + seed);
        try (Rig rig = new Rig()) {
            rig.requireServing();
            Fd[] fds = {
                rig.eventFd().fd(), rig.memory(64 * Rig.PAGE), rig.eventFd().fd()
            };
            Rig.await("releases", 1, rig.card.releases::get);
            Rig.await("connections", 1, () -> Descriptors.open(Descriptors.SOCKET));
            Map<String, Integer> held = Descriptors.open();
            for (int i = 0; i < CLIENTS; i++) {
                attack(rig, new Random(seed + i), fds);
                if (i % 20 == 19) {
                    rig.requireServing();
                }
            }
            rig.requireServing();
            Rig.await("released as often as opened", 0, () -> rig.card.opens.get() - rig.card.releases.get());
            Rig.await("descriptors", held, Descriptors::open);
            assertEquals(0, rig.mappings(), "mappings");
            assertTrue(rig.card.opens.get() > CLIENTS * 3 / 4, "most of them came as far as the device");
        } catch (Throwable t) {
            throw new AssertionError("fuzz.seed=" + seed, t);
        }
    }

    private static void attack(Rig rig, RandomGenerator random, Fd[] fds) throws LinuxException {
        try (Client client = random.nextInt(10) > 0 ? rig.served() : Client.connect(rig.socket())) {
            for (int i = random.nextInt(MESSAGES); i >= 0; i--) {
                List<Fd> some = new ArrayList<>();
                while (random.nextInt(4) == 0) {
                    some.add(fds[random.nextInt(fds.length)]);
                }
                client.sendBytes(bytes(random), some.toArray(Fd[]::new));
            }
        } catch (LinuxException e) {
            // The server may end a connection that is out of sync.
            assertEquals("sendmsg", e.call());
        }
    }

    private static byte[] bytes(RandomGenerator random) {
        if (random.nextInt(20) == 0) {
            byte[] noise = new byte[1 + random.nextInt(200)];
            random.nextBytes(noise);
            return noise;
        }
        Payload payload = payload(random);
        int command = random.nextInt(20);
        int flags = random.nextInt(4) == 0 ? random.nextInt(64) : 0;
        int size = Message.HEADER + payload.size();
        if (random.nextInt(20) == 0) {
            size = number(random);
        }
        return new Payload()
                .bytes(Message.header(random.nextInt(), command, size, flags, 0).array())
                .bytes(payload.toBytes())
                .toBytes();
    }

    /** Meaningful words, mostly in the layout of a real request. */
    private static Payload payload(RandomGenerator random) {
        Payload payload = switch (random.nextInt(10)) {
            case 0 -> Requests.map(random.nextInt(16), page(random), page(random), page(random));
            case 1 -> Requests.unmap(number(random), random.nextInt(4), page(random), page(random));
            case 2 ->
                Requests.setIrqsOf(
                        20 + random.nextInt(3),
                        random.nextInt(64),
                        random.nextInt(6),
                        random.nextInt(8),
                        random.nextInt(4));
            case 3 -> Requests.read(random.nextInt(10), number(random), number(random));
            case 4 -> Requests.write(random.nextInt(10), random.nextInt(0x100), new byte[random.nextInt(64)]);
            case 5 ->
                Requests.feature(number(random), random.nextInt(10) | random.nextInt(8) << 16)
                        .u64(page(random))
                        .u64(page(random))
                        .u64(4096);
            case 6 ->
                new Payload()
                        .u64(random.nextInt(3))
                        .u64(number(random))
                        .u64(number(random))
                        .u64(1);
            case 7 -> Requests.version(random.nextInt(2), 1, "{\"capabilities\":{}}");
            default -> {
                Payload words = new Payload();
                for (int i = random.nextInt(12); i > 0; i--) {
                    words.u32(number(random));
                }
                yield words;
            }
        };
        return random.nextInt(10) == 0 ? payload.cut(random.nextInt(payload.size() + 1)) : payload;
    }

    private static int number(RandomGenerator random) {
        return random.nextInt(4) == 0 ? random.nextInt() : INTERESTING[random.nextInt(INTERESTING.length)];
    }

    private static long page(RandomGenerator random) {
        return (long) random.nextInt(16) * Rig.PAGE;
    }
}
