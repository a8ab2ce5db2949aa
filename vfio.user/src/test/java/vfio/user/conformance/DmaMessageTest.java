package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.user.conformance.Requests.MAP_READ;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Rig.PAGE;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContext;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import vfio.mdev.TestPlatform;
import vfio.user.conformance.DmaPeer.Kind;
import vfio.user.session.Options;

/**
 * DMA_READ and DMA_WRITE of the server to memory without a descriptor (libvfio-user's test_sgl_read_write.py).
 */
final class DmaMessageTest {
    private static final long ADDRESS = DmaPeer.ADDRESS;
    static final int SIZE = 16 * PAGE;

    /** For a server with this timeout for answers. */
    static Options answered(Duration answer) {
        return Rig.options(TestPlatform.PATIENCE, TestPlatform.PATIENCE, answer);
    }

    static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private static Client negotiated(Client client, Kind kind) throws Exception {
        return switch (kind) {
            case SPECIFICATION -> client.negotiate();
            case LIBVFIO_USER ->
                client.negotiate("{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576}}");
            case QEMU -> client.negotiateAsQemu();
        };
    }

    /** Every kind of client receives and sends the right bytes. */
    @TestFactory
    Stream<DynamicTest> dialects() {
        Cases cases = new Cases();
        for (Kind kind : Kind.values()) {
            for (int length : new int[] {1, 4, 8, 4096, 10_000}) {
                cases.add(length + " bytes from and to a client like " + kind, (rig, client) -> {
                    negotiated(client, kind);
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    byte[] memory = random(SIZE);
                    DmaPeer peer = new DmaPeer(client, kind, memory);
                    VfioContext device = rig.card.context();

                    FutureTask<byte[]> read = Dma.start(() -> Dma.read(device, ADDRESS + 3, length));
                    peer.answer(1);
                    assertArrayEquals(Arrays.copyOfRange(memory, 3, 3 + length), Dma.get(read));

                    byte[] fresh = random(length + 1);
                    byte[] expected = memory.clone();
                    System.arraycopy(fresh, 0, expected, 5, fresh.length);
                    FutureTask<Void> written = Dma.start(() -> {
                        Dma.write(device, ADDRESS + 5, fresh);
                        return null;
                    });
                    peer.answer(1);
                    Dma.get(written);
                    assertArrayEquals(expected, memory);
                    client.requireAlive();
                });
            }
            cases.add("zeroes at both ends come through from and to a client like " + kind, (rig, client) -> {
                negotiated(client, kind);
                client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                byte[] memory = new byte[SIZE];
                memory[6] = 6;
                memory[9] = 9;
                DmaPeer peer = new DmaPeer(client, kind, memory);
                FutureTask<byte[]> read = Dma.start(() -> Dma.read(rig.card.context(), ADDRESS, 16));
                peer.answer(1);
                assertArrayEquals(Arrays.copyOf(memory, 16), Dma.get(read));
            });
        }
        return cases.runSilent();
    }

    @TestFactory
    Stream<DynamicTest> chunks() {
        Cases cases = new Cases();
        chunks(cases, 4096, 10_000, 3);
        chunks(cases, 4096, 8192, 2);
        chunks(cases, 1000, 1001, 2);
        chunks(cases, 1, 5, 5);
        return cases.runSilent();
    }

    private static void chunks(Cases cases, int most, int length, int commands) {
        cases.add(length + " bytes go " + most + " at a time where the client takes no more", (rig, client) -> {
            client.negotiate("{\"capabilities\":{\"max_data_xfer_size\":" + most + "}}");
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
            byte[] memory = random(SIZE);
            byte[] expected = Arrays.copyOf(memory, length);
            DmaPeer peer = new DmaPeer(client, Kind.SPECIFICATION, memory);
            VfioContext device = rig.card.context();
            FutureTask<byte[]> read = Dma.start(() -> Dma.read(device, ADDRESS, length));
            peer.answer(commands);
            byte[] data = Dma.get(read);
            assertArrayEquals(expected, data);
            Arrays.fill(memory, (byte) 0);
            FutureTask<Void> written = Dma.start(() -> {
                Dma.write(device, ADDRESS, data);
                return null;
            });
            peer.answer(commands);
            Dma.get(written);
            assertArrayEquals(expected, Arrays.copyOf(memory, length));
            assertEquals(2 * commands, peer.seen.size());
            assertEquals("READ 0x400000+" + Math.min(most, length), peer.seen.getFirst());
            assertEquals("WRITE 0x400000+" + Math.min(most, length), peer.seen.get(commands));
        });
    }

    /** The ways in which a client may answer incorrectly. */
    private interface Answer {
        void to(Client client, Message command) throws Exception;
    }

    @TestFactory
    Stream<DynamicTest> failures() {
        Cases cases = new Cases();
        for (Errno errno : new Errno[] {Errno.EFAULT, Errno.ENODEV, Errno.EPERM, Errno.E2BIG, Errno.EIO}) {
            failing(cases, "a client's " + errno, errno, (client, command) -> client.refuse(command, errno.number()));
        }
        failing(cases, "an error without a number", Errno.EIO, (client, command) -> client.refuse(command, 0));
        failing(cases, "an unknown error number", Errno.EIO, (client, command) -> client.refuse(command, 9999));
        failing(
                cases,
                "less data than asked for",
                Errno.EPROTO,
                (client, command) ->
                        client.answer(command, new Payload().u64(ADDRESS).u64(8).zeroes(7)));
        failing(
                cases,
                "another count",
                Errno.EPROTO,
                (client, command) ->
                        client.answer(command, new Payload().u64(ADDRESS).u64(4).zeroes(4)));
        failing(
                cases,
                "another address",
                Errno.EPROTO,
                (client, command) -> client.answer(
                        command, new Payload().u64(ADDRESS + 8).u64(8).zeroes(8)));
        failing(
                cases,
                "nothing behind the header",
                Errno.EPROTO,
                (client, command) -> client.answer(command, new Payload()));
        failing(
                cases,
                "an answer to another command",
                Errno.EPROTO,
                (client, command) -> client.sendBytes(Client.message(
                        command.id(),
                        Commands.DMA_WRITE,
                        Message.REPLY,
                        new Payload().u64(ADDRESS).u64(8).zeroes(8))));
        failing(cases, "an answer that ends the connection", Errno.EIO, (client, _) -> client.close());
        return cases.run();
    }

    private static void failing(Cases cases, String name, Errno errno, Answer answer) {
        cases.add(name + " is " + errno + " to the device", (rig, client) -> {
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
            VfioContext device = rig.card.context();
            FutureTask<String> read = Dma.start(() -> Dma.errno(() -> Dma.read(device, ADDRESS, 8)));
            answer.to(client, new DmaPeer(client, Kind.SPECIFICATION, new byte[0]).next());
            assertEquals(errno.name(), Dma.get(read));
            if (client.isOpen()) {
                client.requireAlive();
            } else {
                rig.requireServing();
            }
        });
    }

    /** A client does not answer, and the device does not wait for it. */
    @TestFactory
    Stream<DynamicTest> silence() {
        Cases late = new Cases()
                .add(
                        "a client that does not answer is EIO, and its late answer is not taken for anything",
                        (rig, client) -> {
                            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                            VfioContext device = rig.card.context();
                            FutureTask<String> read = Dma.start(() -> Dma.errno(() -> Dma.read(device, ADDRESS, 8)));
                            DmaPeer peer = new DmaPeer(client, Kind.SPECIFICATION, random(SIZE));
                            Message unanswered = peer.next();
                            client.requireAlive();
                            assertEquals("EIO", Dma.get(read));
                            client.requireAlive();
                            client.answer(
                                    unanswered,
                                    new Payload().u64(ADDRESS).u64(8).zeroes(8));
                            client.requireAlive();
                            FutureTask<byte[]> again = Dma.start(() -> Dma.read(device, ADDRESS, 8));
                            peer.answer(1);
                            assertEquals(8, Dma.get(again).length);
                        });
        Cases never = new Cases()
                .add("a client that takes no messages is EIO, and its connection ends", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    VfioContext device = rig.card.context();
                    // More than the socket buffer holds, from separate threads, because each waits for its answer.
                    List<FutureTask<String>> writes = new ArrayList<>();
                    for (int i = 0; i < 16; i++) {
                        writes.add(Dma.start(() -> Dma.errno(() -> Dma.write(device, ADDRESS, new byte[1 << 16]))));
                    }
                    for (FutureTask<String> write : writes) {
                        assertEquals("EIO", Dma.get(write));
                    }
                    client.close();
                    rig.requireServing();
                })
                .add("while the connection's thread is in the device, DMA of another ends with EIO", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    CountDownLatch leave = new CountDownLatch(1);
                    rig.card.onDoorbell = _ -> Dma.await(leave);
                    int id = client.send(Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
                    Rig.await("in the device", 1, rig.card.accesses::get);
                    try {
                        assertEquals("EIO", Dma.errno(() -> Dma.read(rig.card.context(), ADDRESS, 8)));
                    } finally {
                        leave.countDown();
                    }
                    Message unanswered = new DmaPeer(client, Kind.SPECIFICATION, new byte[0]).next();
                    assertEquals(Commands.DMA_READ, unanswered.command());
                    client.receive().requireOk(id, Commands.REGION_WRITE);
                    client.requireAlive();
                });
        // The first client finally answers, and answers another command in time.
        return Stream.concat(late.run(answered(Duration.ofSeconds(5))), never.run(answered(Duration.ofMillis(200))));
    }

    @TestFactory
    Stream<DynamicTest> waiting() {
        return new Cases()
                .add("inside an access that the client waits for it is EDEADLK at once", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    rig.card.onDoorbell = device -> Dma.read(device, ADDRESS, 8);
                    client.refused(Errno.EDEADLK, Commands.REGION_READ, Requests.read(1, 0, 4));
                    client.refused(Errno.EDEADLK, Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
                    rig.card.onDoorbell = device -> Dma.write(device, ADDRESS, (byte) 1);
                    client.refused(Errno.EDEADLK, Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
                })
                .add("inside a reset it is EDEADLK at once", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    rig.card.onReset = device -> Dma.read(device, ADDRESS, 8);
                    client.refused(Errno.EDEADLK, Commands.RESET, new Payload());
                })
                .add("commands and answers of both sides may cross", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    byte[] memory = random(SIZE);
                    DmaPeer peer = new DmaPeer(client, Kind.SPECIFICATION, memory);
                    VfioContext device = rig.card.context();
                    FutureTask<byte[]> read = Dma.start(() -> Dma.read(device, ADDRESS, 8));
                    Message command = peer.next();
                    client.write(0, 0, (byte) 1, (byte) 2);
                    int id = client.send(Commands.REGION_READ, Requests.read(0, 0, 2));
                    client.answer(command, new Payload().u64(ADDRESS).u64(8).bytes(Arrays.copyOf(memory, 8)));
                    assertArrayEquals(
                            new byte[] {1, 2},
                            client.receive().requireOk(id, Commands.REGION_READ).bytes(16));
                    assertArrayEquals(Arrays.copyOf(memory, 8), Dma.get(read));
                })
                .add("commands of several threads are answered in any order", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    byte[] memory = random(SIZE);
                    DmaPeer peer = new DmaPeer(client, Kind.SPECIFICATION, memory);
                    VfioContext device = rig.card.context();
                    Map<Long, FutureTask<byte[]>> reads = new HashMap<>();
                    for (long i = 0; i < 8; i++) {
                        long address = ADDRESS + i * PAGE;
                        reads.put(address, Dma.start(() -> Dma.read(device, address, 16)));
                    }
                    Message[] commands = new Message[8];
                    for (int i = 0; i < commands.length; i++) {
                        commands[i] = peer.next();
                    }
                    for (Message command : List.of(commands).reversed()) {
                        int at = (int) (command.u64(0) - ADDRESS);
                        client.answer(
                                command,
                                new Payload()
                                        .u64(command.u64(0))
                                        .u64(16)
                                        .bytes(Arrays.copyOfRange(memory, at, at + 16)));
                    }
                    for (Map.Entry<Long, FutureTask<byte[]>> read : reads.entrySet()) {
                        int at = (int) (read.getKey() - ADDRESS);
                        assertArrayEquals(Arrays.copyOfRange(memory, at, at + 16), Dma.get(read.getValue()));
                    }
                })
                .add("a reset does not wait for an answer that has not come", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    resetsDuringARead(rig, client, new DmaPeer(client, Kind.SPECIFICATION, new byte[0]));
                })
                .add("memory is unmapped although the device waits for its bytes", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    FutureTask<String> read =
                            Dma.start(() -> Dma.errno(() -> Dma.read(rig.card.context(), ADDRESS, 8)));
                    new DmaPeer(client, Kind.SPECIFICATION, new byte[0]).next();
                    client.ok(Commands.DMA_UNMAP, Requests.unmap(ADDRESS, SIZE));
                    assertEquals("EIO", Dma.get(read));
                })
                .add("memory that may only be read is not written, and no message is sent", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(MAP_READ, 0, ADDRESS, SIZE));
                    assertEquals("EPERM", Dma.errno(() -> Dma.write(rig.card.context(), ADDRESS, (byte) 1)));
                    client.requireAlive();
                })
                .add("memory without a descriptor cannot be pinned", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    long[] pages = {ADDRESS / PAGE};
                    assertEquals("EFAULT", Dma.errno(() -> rig.card.context().pinPages(pages, RW)));
                    client.requireAlive();
                })
                .run();
    }

    /** The reset waits for a thread of the device, as in most devices, and the thread for the client. */
    static void resetsDuringARead(Rig rig, Client client, DmaPeer peer) throws Exception {
        VfioContext device = rig.card.context();
        FutureTask<String> read = Dma.start(() -> Dma.errno(() -> Dma.read(device, ADDRESS, 8)));
        peer.next();
        rig.card.onReset = _ -> {
            try {
                assertEquals("EIO", Dma.get(read));
            } catch (Exception e) {
                throw new ErrnoException(Errno.ETIMEDOUT, e.toString());
            }
        };
        client.ok(Commands.RESET, new Payload());
    }
}
