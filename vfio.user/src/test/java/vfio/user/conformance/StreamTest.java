package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.user.conformance.Requests.EVENTFD;
import static vfio.user.conformance.Requests.NONE;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Requests.TRIGGER;
import static vfio.user.conformance.Rig.PAGE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A connection is a stream: only the headers define the message boundaries. */
final class StreamTest {
    @TestFactory
    Stream<DynamicTest> pieces() {
        Cases cases = new Cases();
        byte[] write = Client.message(1, Commands.REGION_WRITE, 0, Requests.write(0, 0, (byte) 1, (byte) 2));
        byte[] read = Client.message(2, Commands.REGION_READ, 0, Requests.read(0, 0, 2));
        byte[] both = new Payload().bytes(write).bytes(read).toBytes();
        for (int at :
                new int[] {1, 4, 8, 15, 16, 17, write.length - 1, write.length, write.length + 1, both.length - 1}) {
            cases.add("two messages that are cut after " + at + " bytes", (_, client) -> {
                client.sendBytes(Arrays.copyOf(both, at));
                client.sendBytes(Arrays.copyOfRange(both, at, both.length));
                answered(client);
            });
        }
        cases.add("two messages that come byte by byte", (_, client) -> {
            for (byte one : both) {
                client.sendBytes(new byte[] {one});
            }
            answered(client);
        });
        cases.add("two messages in one", (_, client) -> {
            client.sendBytes(both);
            answered(client);
        });
        cases.add("a mapping received byte by byte keeps its descriptor", (rig, client) -> {
            byte[] map = Client.message(3, Commands.DMA_MAP, 0, Requests.map(RW, 0, 0, PAGE));
            client.sendBytes(Arrays.copyOf(map, 1), rig.memory(PAGE));
            for (int i = 1; i < map.length; i++) {
                client.sendBytes(new byte[] {map[i]});
            }
            client.receive().requireOk(3, Commands.DMA_MAP);
            Dma.write(rig.card.context(), 0, (byte) 1);
            client.requireAlive();
        });
        cases.add("a mapping with a delayed payload keeps its descriptor", (rig, client) -> {
            byte[] map = Client.message(3, Commands.DMA_MAP, 0, Requests.map(RW, 0, 0, PAGE));
            client.sendBytes(Arrays.copyOf(map, 16), rig.memory(PAGE));
            client.sendBytes(Arrays.copyOfRange(map, 16, map.length));
            client.receive().requireOk(3, Commands.DMA_MAP);
            Dma.write(rig.card.context(), 0, (byte) 1);
        });
        cases.add("a write of 1 MiB in pieces", (_, client) -> {
            byte[] large = Client.message(4, Commands.REGION_WRITE, 0, Requests.write(4, 0, new byte[1 << 20]));
            for (int at = 0; at < large.length; at += 4099) {
                client.sendBytes(Arrays.copyOfRange(large, at, Math.min(large.length, at + 4099)));
            }
            client.receive().requireOk(4, Commands.REGION_WRITE);
        });
        return cases.run();
    }

    private static void answered(Client client) throws Exception {
        client.receive().requireOk(1, Commands.REGION_WRITE);
        assertArrayEquals(
                new byte[] {1, 2},
                client.receive().requireOk(2, Commands.REGION_READ).bytes(16));
        client.requireAlive();
    }

    @TestFactory
    Stream<DynamicTest> pipelines() {
        return new Cases()
                .add("2000 commands in one go are answered in their order", (_, client) -> {
                    Payload stream = new Payload();
                    for (int id = 0; id < 2000; id++) {
                        stream.bytes(Client.message(id, Commands.GET_INFO, 0, Requests.info(16)));
                    }
                    FutureTask<Void> sent = Dma.start(() -> {
                        client.sendBytes(stream.toBytes());
                        return null;
                    });
                    for (int id = 0; id < 2000; id++) {
                        client.receive().requireOk(id, Commands.GET_INFO);
                    }
                    Dma.get(sent);
                })
                .add("good and bad commands in one go are each answered", (_, client) -> {
                    Payload stream = new Payload();
                    for (int id = 0; id < 300; id += 3) {
                        stream.bytes(Client.message(id, Commands.GET_INFO, 0, Requests.info(16)));
                        stream.bytes(Client.message(id + 1, 999, 0, new Payload().zeroes(24)));
                        stream.bytes(Client.message(id + 2, Commands.GET_INFO, 0, Requests.info(15)));
                    }
                    client.sendBytes(stream.toBytes());
                    for (int id = 0; id < 300; id += 3) {
                        client.receive().requireOk(id, Commands.GET_INFO);
                        client.receive().requireRefusal(id + 1, 999, Errno.EINVAL);
                        client.receive().requireRefusal(id + 2, Commands.GET_INFO, Errno.EINVAL);
                    }
                })
                .add("a client may send 1000 mappings with descriptors before it takes an answer", (rig, client) -> {
                    Fd memory = rig.memory(PAGE);
                    for (int i = 0; i < 1000; i++) {
                        client.send(Commands.DMA_MAP, Requests.map(RW, 0, (long) i * PAGE, PAGE), memory);
                    }
                    for (int i = 0; i < 1000; i++) {
                        assertEquals(0, client.receive().flags() & Message.ERROR, "mapping " + i);
                    }
                    client.requireAlive();
                })
                .add("writes without answers before a read are all done", (_, client) -> {
                    Payload stream = new Payload();
                    for (int i = 0; i < 1000; i++) {
                        stream.bytes(Client.message(
                                i, Commands.REGION_WRITE, Message.NO_REPLY, Requests.write(0, i, (byte) i)));
                    }
                    client.sendBytes(stream.toBytes());
                    byte[] registers = client.read(0, 0, 1000);
                    IntStream.range(0, 1000).forEach(i -> assertEquals((byte) i, registers[i]));
                })
                .run();
    }

    /**
     * Messages queued together in the socket while the device keeps the server busy: {@code f} carries a descriptor,
     * {@code .} does not.
     */
    @TestFactory
    Stream<DynamicTest> descriptors() {
        Cases cases = new Cases();
        for (String order :
                List.of(".f", "f.", "ff", "..f", ".f.f", "f..f", "fff.", "..f..ff.", "........f", "f........")) {
            cases.add("descriptors go to the messages that carried them: " + order, (rig, client) -> {
                CountDownLatch leave = busy(rig, client);
                for (int i = 0; i < order.length(); i++) {
                    client.send(
                            Commands.DMA_MAP,
                            Requests.map(RW, 0, (long) i * PAGE, PAGE),
                            order.charAt(i) == 'f' ? new Fd[] {rig.memory(PAGE)} : new Fd[0]);
                }
                leave.countDown();
                client.receive();
                for (int i = 0; i < order.length(); i++) {
                    assertEquals(0, client.receive().flags() & Message.ERROR, "mapping " + i);
                }
                StringBuilder pinnable = new StringBuilder();
                for (int i = 0; i < order.length(); i++) {
                    long[] page = {i};
                    String outcome = Dma.errno(() -> rig.card.context().pinPages(page, RW));
                    pinnable.append(outcome.equals("ok") ? 'f' : '.');
                }
                assertEquals(order, pinnable.toString(), "which of the mappings have a file");
            });
        }
        byte[] map = Client.message(1, Commands.DMA_MAP, 0, Requests.map(RW, 0, 0, PAGE));
        byte[] info = Client.message(2, Commands.GET_INFO, 0, Requests.info(16));
        Map<String, List<byte[]>> together = new LinkedHashMap<>();
        together.put("before others", List.of(map, info, info));
        together.put("behind others", List.of(info, info, map));
        together.put("among others", List.of(info, map, info));
        together.put(
                "before one for another number of descriptors",
                List.of(map, Client.message(3, Commands.SET_IRQS, 0, Requests.setIrqs(NONE | TRIGGER, 1, 0, 0))));
        together.forEach((name, messages) -> cases.add(
                "a descriptor of one send belongs to the message that can take it, " + name, (rig, client) -> {
                    Payload all = new Payload();
                    messages.forEach(all::bytes);
                    client.sendBytes(all.toBytes(), rig.memory(PAGE));
                    for (int i = 0; i < messages.size(); i++) {
                        assertEquals(0, client.receive().flags() & Message.ERROR, "message " + i);
                    }
                    long[] page = {0};
                    assertEquals("ok", Dma.errno(() -> rig.card.context().pinPages(page, RW)), "it has the file");
                }));
        cases.add("eventfds and memory that come together go where they belong", (rig, client) -> {
            CountDownLatch leave = busy(rig, client);
            EventFd first = rig.eventFd();
            EventFd second = rig.eventFd();
            client.send(Commands.SET_IRQS, Requests.setIrqs(EVENTFD | TRIGGER, 2, 0, 2), first.fd(), second.fd());
            client.send(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), rig.memory(PAGE));
            client.send(Commands.GET_INFO, Requests.info(16));
            client.send(Commands.SET_IRQS, Requests.setIrqs(EVENTFD | TRIGGER, 1, 0, 1), second.fd());
            leave.countDown();
            List<Integer> answered = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                Message answer = client.receive();
                assertEquals(0, answer.flags() & Message.ERROR, "command " + answer.command());
                answered.add(answer.command());
            }
            assertEquals(
                    List.of(
                            Commands.REGION_WRITE,
                            Commands.SET_IRQS,
                            Commands.DMA_MAP,
                            Commands.GET_INFO,
                            Commands.SET_IRQS),
                    answered);
            rig.card.context().trigger(2, 0);
            rig.card.context().trigger(2, 1);
            rig.card.context().trigger(1, 0);
            assertEquals(List.of(1L, 2L), List.of(first.read(), second.read()));
            Dma.write(rig.card.context(), 0, (byte) 1);
        });
        return cases.run();
    }

    /** The server stays in a call into the device until the latch opens. */
    private static CountDownLatch busy(Rig rig, Client client) throws Exception {
        CountDownLatch leave = new CountDownLatch(1);
        rig.card.onDoorbell = _ -> Dma.await(leave);
        client.send(Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
        Rig.await("in the device", 1, rig.card.accesses::get);
        return leave;
    }
}
