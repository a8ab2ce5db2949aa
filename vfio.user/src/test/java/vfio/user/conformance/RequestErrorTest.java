package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Malformed messages (libvfio-user's test_request_errors.py). The connection remains usable after each.
 */
final class RequestErrorTest {
    private static final int ID = 0xbad1;

    /** Headers with a wrong size; nothing follows them. */
    @TestFactory
    Stream<DynamicTest> headers() {
        Cases cases = new Cases();
        for (long size : new long[] {0, 1, 15}) {
            header(cases, "size " + size, Commands.SET_IRQS, size, Message.COMMAND);
        }
        for (int size : new int[] {(1 << 20) + 4097, 3 << 20}) {
            cases.add("size " + size + " is EINVAL, and what it has is passed over", (_, client) -> {
                client.sendBytes(
                        Client.message(ID, Commands.REGION_WRITE, 0, new Payload().zeroes(size - Message.HEADER)));
                client.receive().requireRefusal(ID, Commands.REGION_WRITE, Errno.EINVAL);
                client.requireAlive();
            });
        }
        for (long size : new long[] {(1 << 20) + 4097, 1 << 30, 0x8000_0000L, 0xffff_ffffL}) {
            cases.add("size " + size + " is EINVAL before its end has come", (rig, client) -> {
                client.sendBytes(
                        Message.header(ID, Commands.SET_IRQS, size, 0, 0).array());
                client.receive().requireRefusal(ID, Commands.SET_IRQS, Errno.EINVAL);
                client.close();
                rig.requireServing();
            });
        }
        header(cases, "an unsolicited answer", Commands.SET_IRQS, Message.HEADER, Message.REPLY);
        header(cases, "an unsolicited error", Commands.DMA_READ, Message.HEADER, Message.REPLY | Message.ERROR);
        for (int type = 2; type < 16; type++) {
            header(cases, "type " + type, Commands.GET_INFO, Message.HEADER, type);
        }
        for (int command = 1; command <= Commands.MIG_DATA_WRITE; command++) {
            if (command != Commands.RESET) {
                header(cases, "command " + command + " without payload", command, Message.HEADER, Message.COMMAND);
            }
        }
        return cases.run();
    }

    private static void header(Cases cases, String name, int command, long size, int flags) {
        cases.add(name + " is EINVAL", (_, client) -> {
            client.sendBytes(Message.header(ID, command, size, flags, 0).array());
            client.receive().requireRefusal(ID, command, Errno.EINVAL);
            client.requireAlive();
        });
    }

    @TestFactory
    Stream<DynamicTest> commands() {
        Cases cases = new Cases();
        for (int command : new int[] {0, 14, 19, 20, 255, 999, 0x7fff, 0x8000, 0xffff}) {
            cases.refused("command " + command, Errno.EINVAL, command, new Payload().zeroes(1));
            cases.refused("command " + command + " of 64 bytes", Errno.EINVAL, command, new Payload().zeroes(64));
        }
        Payload dma = new Payload().u64(0).u64(8).zeroes(8);
        cases.refused("DMA_READ, which is the server's", Errno.EINVAL, Commands.DMA_READ, dma);
        cases.refused("DMA_WRITE, which is the server's", Errno.EINVAL, Commands.DMA_WRITE, dma);
        cases.add("an answer with a payload is EINVAL, and its payload is not taken for a message", (_, client) -> {
            client.sendBytes(Client.message(ID, Commands.DMA_READ, Message.REPLY, dma));
            client.receive().requireRefusal(ID, Commands.DMA_READ, Errno.EINVAL);
            client.requireAlive();
        });
        cases.add("the id 0xffff and the id 0 are echoed, and may be used twice", (_, client) -> {
            for (int id : new int[] {0xffff, 0, 0, 0xffff}) {
                client.sendBytes(Client.message(id, Commands.GET_INFO, 0, Requests.info(16)));
                client.receive().requireOk(id, Commands.GET_INFO);
                client.sendBytes(Client.message(id, 999, 0, Requests.info(16)));
                client.receive().requireRefusal(id, 999, Errno.EINVAL);
            }
        });
        cases.add("the error number of a command is reserved, and not looked at", (_, client) -> {
            byte[] command = Client.message(ID, Commands.GET_INFO, 0, Requests.info(16));
            command[12] = 22;
            client.sendBytes(command);
            client.receive().requireOk(ID, Commands.GET_INFO);
        });
        return cases.run();
    }

    @TestFactory
    Stream<DynamicTest> noReply() {
        return new Cases()
                .add("a command that wants no answer gets none", (_, client) -> {
                    client.post(Commands.GET_INFO, Requests.info(16));
                    client.requireAlive();
                })
                .add("a failure of a command that wants no answer gets none", (_, client) -> {
                    client.post(Commands.GET_INFO, Requests.info(3));
                    client.post(999, Requests.info(16));
                    client.post(Commands.SET_IRQS, Requests.setIrqs(0, 0, 0, 1));
                    client.post(Commands.REGION_READ, Requests.read(0, 1L << 40, 4));
                    client.post(Commands.REGION_WRITE, Requests.write(0, 1L << 40, (byte) 1));
                    client.post(Commands.DMA_UNMAP, Requests.unmap(0, 4096));
                    client.requireAlive();
                })
                .add("a reset that wants no answer is done, and gets none", (rig, client) -> {
                    client.post(Commands.RESET, new Payload());
                    client.requireAlive();
                    assertEquals(1, rig.card.resets.get());
                })
                .run();
    }

    /** Descriptors that the command does not use are closed, independent of its answer. */
    @TestFactory
    Stream<DynamicTest> descriptors() {
        Map<String, Map.Entry<Integer, Payload>> takesNone = new LinkedHashMap<>();
        takesNone.put("GET_INFO", Map.entry(Commands.GET_INFO, Requests.info(16)));
        takesNone.put("GET_REGION_INFO", Map.entry(Commands.GET_REGION_INFO, Requests.regionInfo(32, 0)));
        takesNone.put("GET_REGION_IO_FDS", Map.entry(Commands.GET_REGION_IO_FDS, Requests.regionIoFds(512, 0, 0, 0)));
        takesNone.put("GET_IRQ_INFO", Map.entry(Commands.GET_IRQ_INFO, Requests.irqInfo(16, 0)));
        takesNone.put(
                "SET_IRQS with bools",
                Map.entry(Commands.SET_IRQS, Requests.setIrqs(Requests.BOOL | Requests.TRIGGER, 2, 0, 1, (byte) 0)));
        takesNone.put(
                "SET_IRQS with bools that are missing",
                Map.entry(Commands.SET_IRQS, Requests.setIrqs(Requests.BOOL | Requests.TRIGGER, 2, 0, 1)));
        takesNone.put("REGION_READ", Map.entry(Commands.REGION_READ, Requests.read(0, 0, 4)));
        takesNone.put("REGION_WRITE", Map.entry(Commands.REGION_WRITE, Requests.write(0, 0, (byte) 1)));
        takesNone.put("DMA_UNMAP", Map.entry(Commands.DMA_UNMAP, Requests.unmap(24, Requests.UNMAP_ALL, 0, 0)));
        takesNone.put("RESET", Map.entry(Commands.RESET, new Payload()));
        takesNone.put("WRITE_MULTI", Map.entry(Commands.WRITE_MULTI, new Payload().u64(0)));
        takesNone.put("DEVICE_FEATURE", Map.entry(Commands.FEATURE, Requests.feature(8, Requests.PROBE | 6)));
        takesNone.put("an unknown command", Map.entry(999, new Payload().zeroes(8)));
        Cases cases = new Cases();
        takesNone.forEach((name, message) ->
                cases.add(name + " with descriptors is EINVAL, and they are closed", (rig, client) -> {
                    Fd first = rig.eventFd().fd();
                    Fd second = rig.memory(4096);
                    Map<String, Integer> held = Descriptors.open();
                    client.refused(Errno.EINVAL, message.getKey(), message.getValue(), first, second);
                    Rig.await("descriptors", held, Descriptors::open);
                }));
        cases.add("descriptors with a header of size 15 are closed", (rig, client) -> {
            Fd fd = rig.eventFd().fd();
            Map<String, Integer> held = Descriptors.open();
            client.sendBytes(Message.header(ID, Commands.SET_IRQS, 15, 0, 0).array(), fd, fd);
            client.receive().requireRefusal(ID, Commands.SET_IRQS, Errno.EINVAL);
            client.requireAlive();
            Rig.await("descriptors", held, Descriptors::open);
        });
        cases.add("descriptors with an answer are closed", (rig, client) -> {
            Fd fd = rig.eventFd().fd();
            Map<String, Integer> held = Descriptors.open();
            client.sendBytes(
                    Message.header(ID, Commands.DMA_READ, Message.HEADER, Message.REPLY, 0)
                            .array(),
                    fd);
            client.receive().requireRefusal(ID, Commands.DMA_READ, Errno.EINVAL);
            client.requireAlive();
            Rig.await("descriptors", held, Descriptors::open);
        });
        for (int count : new int[] {17, 200, 253}) {
            cases.add(count + " descriptors, more than were agreed on, are EINVAL, and closed", (rig, client) -> {
                Fd fd = rig.eventFd().fd();
                int held = Descriptors.open(Descriptors.EVENTFD);
                client.refused(
                        Errno.EINVAL,
                        Commands.SET_IRQS,
                        Requests.setIrqs(Requests.EVENTFD | Requests.TRIGGER, 2, 0, count),
                        many(fd, count));
                Rig.await("descriptors", held, () -> Descriptors.open(Descriptors.EVENTFD));
            });
        }
        return cases.run();
    }

    private static Fd[] many(Fd fd, int count) {
        Fd[] fds = new Fd[count];
        Arrays.fill(fds, fd);
        return fds;
    }
}
