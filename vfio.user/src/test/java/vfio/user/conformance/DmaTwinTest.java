package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.user.conformance.DmaMessageTest.SIZE;
import static vfio.user.conformance.DmaPeer.ADDRESS;
import static vfio.user.conformance.Requests.RW;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.vfio.VfioContext;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import vfio.user.conformance.DmaPeer.Kind;

/** DMA_READ and DMA_WRITE over the twin socket, on which the client does not wait for replies of its own. */
final class DmaTwinTest {
    @TestFactory
    Stream<DynamicTest> dma() {
        return new Cases()
                .add("over the twin socket the device reaches the memory from inside an access", (rig, client) -> {
                    Client twin = twin(rig, client);
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    byte[] memory = DmaMessageTest.random(SIZE);
                    DmaPeer peer = new DmaPeer(twin, Kind.SPECIFICATION, memory);
                    rig.card.onDoorbell = device -> {
                        byte[] data = Dma.read(device, ADDRESS, 4);
                        Dma.write(device, ADDRESS + 100, data);
                    };
                    int id = client.send(Commands.REGION_WRITE, Requests.write(1, 0, (byte) 1));
                    peer.answer(2);
                    client.receive().requireOk(id, Commands.REGION_WRITE);
                    assertArrayEquals(Arrays.copyOf(memory, 4), Arrays.copyOfRange(memory, 100, 104));
                    client.requireAlive();
                })
                .add("DMA of other threads uses the twin socket, too", (rig, client) -> {
                    Client twin = twin(rig, client);
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    byte[] memory = DmaMessageTest.random(SIZE);
                    DmaPeer peer = new DmaPeer(twin, Kind.LIBVFIO_USER, memory);
                    FutureTask<byte[]> read = Dma.start(() -> Dma.read(rig.card.context(), ADDRESS, 8));
                    peer.answer(1);
                    assertArrayEquals(Arrays.copyOf(memory, 8), Dma.get(read));
                })
                .add(
                        "a client's error on the twin socket reaches the device, and the next access succeeds",
                        (rig, client) -> {
                            Client twin = twin(rig, client);
                            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                            DmaPeer peer = new DmaPeer(twin, Kind.SPECIFICATION, DmaMessageTest.random(SIZE));
                            FutureTask<String> read =
                                    Dma.start(() -> Dma.errno(() -> Dma.read(rig.card.context(), ADDRESS, 8)));
                            twin.refuse(peer.next(), Errno.EFAULT.number());
                            assertEquals("EFAULT", Dma.get(read));
                            FutureTask<String> again =
                                    Dma.start(() -> Dma.errno(() -> Dma.read(rig.card.context(), ADDRESS, 8)));
                            peer.answer(1);
                            assertEquals("ok", Dma.get(again));
                        })
                .add("a reset does not wait for an answer, nor does an unmapping", (rig, client) -> {
                    Client twin = twin(rig, client);
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    DmaPeer peer = new DmaPeer(twin, Kind.SPECIFICATION, DmaMessageTest.random(SIZE));
                    DmaMessageTest.resetsDuringARead(rig, client, peer);
                    FutureTask<String> read =
                            Dma.start(() -> Dma.errno(() -> Dma.read(rig.card.context(), ADDRESS, 8)));
                    peer.next();
                    client.ok(Commands.DMA_UNMAP, Requests.unmap(ADDRESS, SIZE));
                    assertEquals("EIO", Dma.get(read));
                })
                .add("inside a reset the device reaches the memory over the twin socket", (rig, client) -> {
                    Client twin = twin(rig, client);
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    rig.card.onReset = device -> Dma.read(device, ADDRESS, 8);
                    int id = client.send(Commands.RESET, new Payload());
                    new DmaPeer(twin, Kind.SPECIFICATION, DmaMessageTest.random(SIZE)).answer(1);
                    client.receive().requireOk(id, Commands.RESET);
                })
                .add("a client that closes its twin socket is EIO, and is served on", (rig, client) -> {
                    Client twin = twin(rig, client);
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    twin.close();
                    assertEquals("EIO", Dma.errno(() -> Dma.read(rig.card.context(), ADDRESS, 8)));
                    client.requireAlive();
                })
                .add("the twin socket ends with the client", (rig, client) -> {
                    Client twin = twin(rig, client);
                    client.close();
                    twin.requireEnd();
                    rig.requireServing();
                })
                .runSilent();
    }

    @TestFactory
    Stream<DynamicTest> late() {
        return new Cases()
                .add("an answer that comes too late on the twin socket is passed over", (rig, client) -> {
                    Client twin = twin(rig, client);
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, ADDRESS, SIZE));
                    VfioContext device = rig.card.context();
                    byte[] memory = DmaMessageTest.random(SIZE);
                    DmaPeer peer = new DmaPeer(twin, Kind.SPECIFICATION, memory);
                    assertEquals("EIO", Dma.errno(() -> Dma.read(device, ADDRESS, 8)));
                    assertEquals("EIO", Dma.errno(() -> Dma.read(device, ADDRESS, 8)));
                    Message first = peer.next();
                    byte[] late = Client.message(
                            first.id(),
                            first.command(),
                            Message.REPLY,
                            new Payload().u64(ADDRESS).u64(8).zeroes(8));
                    twin.sendBytes(Arrays.copyOf(late, 20));
                    assertEquals("EIO", Dma.errno(() -> Dma.read(device, ADDRESS, 8)), "half an answer");
                    twin.sendBytes(Arrays.copyOfRange(late, 20, late.length));
                    twin.refuse(peer.next(), Errno.EFAULT.number());
                    peer.next();
                    FutureTask<byte[]> read = Dma.start(() -> Dma.read(device, ADDRESS, 8));
                    peer.answer(1);
                    assertArrayEquals(Arrays.copyOf(memory, 8), Dma.get(read));
                })
                .runSilent(DmaMessageTest.answered(Duration.ofSeconds(2)));
    }

    static Client twin(Rig rig, Client client) throws Exception {
        Message answer = client.ok(Commands.VERSION, Requests.version(0, 1, VersionTest.twin(16)));
        return rig.owned(Client.on(answer.fds().getFirst()));
    }
}
