package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.user.conformance.Requests.MAP_FILE_IO;
import static vfio.user.conformance.Requests.MAP_MMAP;
import static vfio.user.conformance.Requests.MAP_READ;
import static vfio.user.conformance.Requests.MAP_WRITE;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Rig.PAGE;

import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.vfio.VfioContext;
import mdev.linux.Fd;
import mdev.linux.Mapping;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** DMA_MAP: valid requests, conflicts with existing mappings, and the device's access to the memory. */
final class DmaMapTest {
    private static final long IOVA = 0x10_0000;

    @TestFactory
    Stream<DynamicTest> refusals() {
        Cases cases = new Cases();
        refused(cases, "a payload of 8 bytes", new Payload().zeroes(8));
        refused(cases, "a payload of 31 bytes", map(RW, IOVA, PAGE).cut(31));
        refused(
                cases,
                "argsz 31",
                new Payload().u32(31).u32(RW).u64(0).u64(IOVA).u64(PAGE));
        refused(cases, "MMAP without a descriptor", map(RW | MAP_MMAP, IOVA, PAGE));
        refused(cases, "FILE_IO without a descriptor", map(RW | MAP_FILE_IO, IOVA, PAGE));
        refused(cases, "an unknown flag", map(RW | 16, IOVA, PAGE));
        refused(cases, "an unknown flag at the other end", map(RW | 1 << 31, IOVA, PAGE));
        refused(cases, "neither readable nor writeable", map(0, IOVA, PAGE));
        refused(cases, "a size of 0", map(RW, IOVA, 0));
        refused(cases, "a size that is not a multiple of the page size", map(RW, IOVA, PAGE + 1));
        refused(cases, "an address that is not a multiple of the page size", map(RW, IOVA + 1, PAGE));
        refused(cases, "a range that wraps", map(RW, -PAGE, 2 * PAGE));
        refused(cases, "a size of 2^64-4096 behind an address", map(RW, 2 * PAGE, -PAGE));
        return cases.run();
    }

    private static void refused(Cases cases, String name, Payload payload) {
        cases.refused(name, Errno.EINVAL, Commands.DMA_MAP, payload);
    }

    private static Payload map(int flags, long address, long size) {
        return Requests.map(flags, 0, address, size);
    }

    /** The kind of a file to map. */
    private interface Opened {
        Fd[] by(Rig rig) throws Exception;
    }

    @TestFactory
    Stream<DynamicTest> refusedDescriptors() {
        Cases cases = new Cases();
        descriptors(cases, "two descriptors", Errno.EINVAL, map(RW, IOVA, PAGE), rig ->
                new Fd[] {rig.memory(PAGE), rig.memory(PAGE)});
        descriptors(cases, "an eventfd", Errno.EINVAL, map(RW, IOVA, PAGE), rig ->
                new Fd[] {rig.eventFd().fd()});
        descriptors(cases, "a directory", Errno.EINVAL, map(MAP_READ, IOVA, PAGE), rig ->
                new Fd[] {rig.owned(Fd.open(rig.directory, Fd.O_RDONLY))});
        descriptors(cases, "memory that is shorter", Errno.EINVAL, map(RW, IOVA, 2 * PAGE), rig ->
                new Fd[] {rig.memory(PAGE)});
        descriptors(cases, "an offset behind the memory", Errno.EINVAL, Requests.map(RW, PAGE, IOVA, PAGE), rig ->
                new Fd[] {rig.memory(PAGE)});
        descriptors(cases, "an offset within a page", Errno.EINVAL, Requests.map(RW, 8, IOVA, PAGE), rig ->
                new Fd[] {rig.memory(2 * PAGE)});
        descriptors(cases, "an offset of 2^64-4096", Errno.EINVAL, Requests.map(RW, -PAGE, IOVA, PAGE), rig ->
                new Fd[] {rig.memory(PAGE)});
        descriptors(cases, "an offset of 2^63-4096", Errno.EINVAL, Requests.map(RW, -PAGE >>> 1, IOVA, PAGE), rig ->
                new Fd[] {rig.memory(PAGE)});
        descriptors(
                cases, "an unknown flag", Errno.EINVAL, map(RW | 16, IOVA, PAGE), rig -> new Fd[] {rig.memory(PAGE)});
        descriptors(cases, "memory for reading, to be written", Errno.EACCES, map(RW, IOVA, PAGE), rig -> {
            Path path = Files.createTempFile("wire", "file");
            Files.write(path, new byte[PAGE]);
            Fd fd = rig.owned(Fd.open(path, Fd.O_RDONLY));
            Files.delete(path);
            return new Fd[] {fd};
        });
        return cases.run();
    }

    /** Requests that cost a client nothing cost the server a mapping or a descriptor, which all clients share. */
    @TestFactory
    Stream<DynamicTest> tooMuchMemory() {
        return new Cases()
                .add("a 65th file is ENOSPC, and a file that is unmapped makes room", (rig, client) -> {
                    for (int i = 0; i < 64; i++) {
                        client.ok(Commands.DMA_MAP, map(RW, IOVA + (long) i * PAGE, PAGE), rig.memory(PAGE));
                    }
                    client.refused(Errno.ENOSPC, Commands.DMA_MAP, map(RW, 0, PAGE), rig.memory(PAGE));
                    client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, PAGE));
                    client.ok(Commands.DMA_MAP, map(RW, 0, PAGE), rig.memory(PAGE));
                })
                .add("parts of one file count once", (rig, client) -> {
                    Fd fd = rig.memory(100 * PAGE);
                    for (int i = 0; i < 100; i++) {
                        client.ok(
                                Commands.DMA_MAP, Requests.map(RW, (long) i * PAGE, IOVA + (long) i * PAGE, PAGE), fd);
                    }
                })
                .add(
                        "a page of a file of 5 TiB is ENOSPC",
                        (rig, client) -> client.refused(
                                Errno.ENOSPC, Commands.DMA_MAP, map(RW, IOVA, PAGE), rig.memory(5L << 40)))
                .run();
    }

    private static void descriptors(Cases cases, String name, Errno errno, Payload payload, Opened opened) {
        cases.add(name + " is " + errno + ", and closed", (rig, client) -> {
            Fd[] fds = opened.by(rig);
            Map<String, Integer> held = Descriptors.open();
            client.refused(errno, Commands.DMA_MAP, payload, fds);
            client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(IOVA, PAGE));
            Rig.await("descriptors", held, Descriptors::open);
            assertEquals(0, rig.mappings());
        });
    }

    @TestFactory
    Stream<DynamicTest> overlaps() {
        Cases cases = new Cases();
        overlap(cases, "the first page", IOVA, PAGE);
        overlap(cases, "the last page", IOVA + 3 * PAGE, PAGE);
        overlap(cases, "a page inside", IOVA + PAGE, PAGE);
        overlap(cases, "over the beginning", IOVA - PAGE, 2 * PAGE);
        overlap(cases, "over the end", IOVA + 3 * PAGE, 2 * PAGE);
        overlap(cases, "around it", IOVA - PAGE, 6 * PAGE);
        cases.add("right before and right behind it is free", (rig, client) -> {
            client.ok(Commands.DMA_MAP, map(RW, IOVA, 4 * PAGE), rig.memory(4 * PAGE));
            client.ok(Commands.DMA_MAP, map(RW, IOVA - PAGE, PAGE), rig.memory(PAGE));
            client.ok(Commands.DMA_MAP, map(RW, IOVA + 4 * PAGE, PAGE));
        });
        cases.add("the same again succeeds, and is one mapping", (rig, client) -> {
            Fd memory = rig.memory(4 * PAGE);
            client.ok(Commands.DMA_MAP, map(RW, IOVA, 4 * PAGE), memory);
            Map<String, Integer> held = Descriptors.open();
            client.ok(Commands.DMA_MAP, map(RW, IOVA, 4 * PAGE), memory);
            Rig.await("descriptors", held, Descriptors::open);
            client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, 4 * PAGE));
            client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(IOVA, 4 * PAGE));
        });
        cases.add("the same again without a descriptor succeeds, and is one mapping", (_, client) -> {
            client.ok(Commands.DMA_MAP, map(MAP_READ, IOVA, PAGE));
            client.ok(Commands.DMA_MAP, map(MAP_READ, IOVA, PAGE));
            client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, PAGE));
            client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(IOVA, PAGE));
        });
        same(cases, "with other rights", map(MAP_READ, IOVA, 4 * PAGE), true);
        same(cases, "with another offset", Requests.map(RW, PAGE, IOVA, 4 * PAGE), true);
        same(cases, "without the descriptor", map(RW, IOVA, 4 * PAGE), false);
        cases.add("the same range of another file is EEXIST", (rig, client) -> {
            client.ok(Commands.DMA_MAP, map(RW, IOVA, PAGE), rig.memory(PAGE));
            client.refused(Errno.EEXIST, Commands.DMA_MAP, map(RW, IOVA, PAGE), rig.memory(PAGE));
        });
        return cases.run();
    }

    private static void overlap(Cases cases, String name, long address, long size) {
        for (boolean shared : new boolean[] {true, false}) {
            cases.add(name + (shared ? "" : ", without a descriptor,") + " is EEXIST", (rig, client) -> {
                Fd memory = rig.memory(8 * PAGE);
                client.ok(Commands.DMA_MAP, map(RW, IOVA, 4 * PAGE), memory);
                Map<String, Integer> held = Descriptors.open();
                Fd[] fds = shared ? new Fd[] {memory} : new Fd[0];
                client.refused(Errno.EEXIST, Commands.DMA_MAP, map(RW, address, size), fds);
                Rig.await("descriptors", held, Descriptors::open);
                client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, 4 * PAGE));
            });
        }
    }

    private static void same(Cases cases, String name, Payload payload, boolean withDescriptor) {
        cases.add("the same range " + name + " is EEXIST", (rig, client) -> {
            Fd memory = rig.memory(8 * PAGE);
            client.ok(Commands.DMA_MAP, map(RW, IOVA, 4 * PAGE), memory);
            client.refused(Errno.EEXIST, Commands.DMA_MAP, payload, withDescriptor ? new Fd[] {memory} : new Fd[0]);
            client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, 4 * PAGE));
        });
    }

    @TestFactory
    Stream<DynamicTest> limits() {
        return new Cases()
                .add(
                        "one more than max_dma_maps is EINVAL, and there is room again behind an unmapping",
                        (_, client) -> {
                            Message agreed = client.ok(
                                    Commands.VERSION,
                                    Requests.version(0, 1, "{\"capabilities\": {\"max_dma_maps\": 4}}"));
                            String most = VersionTest.capabilities(agreed).get("max_dma_maps");
                            assertEquals("4", most, "what was proposed is the most");
                            for (int i = 0; i < 4; i++) {
                                client.ok(Commands.DMA_MAP, map(RW, i * 2L * PAGE, PAGE));
                            }
                            client.refused(Errno.EINVAL, Commands.DMA_MAP, map(RW, IOVA, PAGE));
                            client.ok(Commands.DMA_MAP, map(RW, 0, PAGE));
                            client.ok(Commands.DMA_UNMAP, Requests.unmap(0, PAGE));
                            client.ok(Commands.DMA_MAP, map(RW, IOVA, PAGE));
                        })
                .add("the last page of the address space is mapped and unmapped", (_, client) -> {
                    client.negotiate();
                    client.ok(Commands.DMA_MAP, map(RW, -PAGE, PAGE));
                    client.ok(Commands.DMA_UNMAP, Requests.unmap(-PAGE, PAGE));
                })
                .add("4096 mappings that come in one go are all there", (_, client) -> {
                    client.negotiate();
                    Payload stream = new Payload();
                    for (long i = 0; i < 4096; i++) {
                        stream.bytes(Client.message(1, Commands.DMA_MAP, Message.NO_REPLY, map(RW, i * PAGE, PAGE)));
                    }
                    client.sendBytes(stream.toBytes());
                    client.refused(Errno.EEXIST, Commands.DMA_MAP, map(RW, 0, 4096L * PAGE));
                    client.ok(Commands.DMA_UNMAP, Requests.unmap(4095L * PAGE, PAGE));
                    client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(4095L * PAGE, PAGE));
                })
                .runSilent();
    }

    @TestFactory
    Stream<DynamicTest> reach() {
        Cases cases = new Cases();
        for (int flags : new int[] {RW, RW | MAP_MMAP, RW | MAP_FILE_IO}) {
            cases.add("device and client see each other's writes, with flags " + flags, (rig, client) -> {
                Fd memory = rig.memory(4 * PAGE);
                client.ok(Commands.DMA_MAP, map(flags, IOVA, 4 * PAGE), memory);
                seeEachOther(rig, memory);
            });
        }
        cases.add("a file on a disk is reached like memory", (rig, client) -> {
            Path path = Files.createTempFile("wire", "memory");
            Fd file = rig.owned(Fd.open(path, Fd.O_RDWR));
            Files.delete(path);
            file.truncate(4 * PAGE);
            client.ok(Commands.DMA_MAP, map(RW, IOVA, 4 * PAGE), file);
            seeEachOther(rig, file);
        });
        cases.add("a file that is open to append to is EINVAL: what is written would go to its end", (rig, client) -> {
            Path path = Files.createTempFile("wire", "memory");
            Fd file = rig.owned(Fd.open(path, Fd.O_RDWR | 02000));
            Files.delete(path);
            file.truncate(4 * PAGE);
            client.refused(Errno.EINVAL, Commands.DMA_MAP, map(RW, IOVA, 4 * PAGE), file);
        });
        cases.add("the descriptor is the client's to close", (rig, client) -> {
            try (Fd memory = rig.memory(PAGE)) {
                client.ok(Commands.DMA_MAP, map(RW, IOVA, PAGE), memory);
            }
            VfioContext device = rig.card.context();
            Dma.write(device, IOVA, (byte) 5);
            assertArrayEquals(new byte[] {5, 0}, Dma.read(device, IOVA, 2));
        });
        cases.add("two windows on one memory are one memory", (rig, client) -> {
            Fd memory = rig.memory(4 * PAGE);
            client.ok(Commands.DMA_MAP, Requests.map(RW, 2 * PAGE, IOVA, 2 * PAGE), memory);
            client.ok(Commands.DMA_MAP, Requests.map(RW, 3 * PAGE, 8 * PAGE, PAGE), memory);
            VfioContext device = rig.card.context();
            Dma.write(device, IOVA + PAGE, (byte) 9);
            assertArrayEquals(new byte[] {9}, Dma.read(device, 8 * PAGE, 1));
        });
        cases.add("neighbours are reached with one access", (rig, client) -> {
            client.ok(Commands.DMA_MAP, map(RW, IOVA, PAGE), rig.memory(PAGE));
            client.ok(Commands.DMA_MAP, map(RW, IOVA + PAGE, PAGE), rig.memory(PAGE));
            VfioContext device = rig.card.context();
            Dma.write(device, IOVA + PAGE - 1, (byte) 1, (byte) 2);
            assertArrayEquals(new byte[] {1, 2}, Dma.read(device, IOVA + PAGE - 1, 2));
        });
        cases.add("what may only be read is not written: EPERM", (rig, client) -> {
            client.ok(Commands.DMA_MAP, map(MAP_READ, IOVA, PAGE), rig.memory(PAGE));
            VfioContext device = rig.card.context();
            assertEquals("EPERM", Dma.errno(() -> Dma.write(device, IOVA, (byte) 1)));
            assertArrayEquals(new byte[1], Dma.read(device, IOVA, 1));
        });
        cases.add("what may only be written is not read: EPERM", (rig, client) -> {
            client.ok(Commands.DMA_MAP, map(MAP_WRITE, IOVA, PAGE), rig.memory(PAGE));
            assertEquals("EPERM", Dma.errno(() -> Dma.read(rig.card.context(), IOVA, 1)));
        });
        cases.add("what is not mapped is EINVAL", (rig, client) -> {
            client.ok(Commands.DMA_MAP, map(RW, IOVA, PAGE), rig.memory(PAGE));
            VfioContext device = rig.card.context();
            assertEquals("EINVAL", Dma.errno(() -> Dma.read(device, IOVA + PAGE, 1)));
            assertEquals("EINVAL", Dma.errno(() -> Dma.read(device, IOVA + PAGE - 1, 2)));
            assertEquals("EINVAL", Dma.errno(() -> Dma.write(device, IOVA - 1, (byte) 1)));
        });
        cases.add("a device in its own register access reaches memory that came with a descriptor", (rig, client) -> {
            Fd memory = rig.memory(PAGE);
            client.ok(Commands.DMA_MAP, map(RW, IOVA, PAGE), memory);
            rig.card.onDoorbell = device -> Dma.write(device, IOVA, (byte) 42);
            client.write(1, 0, (byte) 1);
            assertArrayEquals(new byte[] {42}, Dma.read(rig.card.context(), IOVA, 1));
        });
        return cases.run();
    }

    private static void seeEachOther(Rig rig, Fd memory) throws Exception {
        VfioContext device = rig.card.context();
        try (Mapping mine = Mapping.of(memory, 0, 4 * PAGE, Mapping.Protection.READ_WRITE)) {
            Dma.write(device, IOVA + PAGE - 2, (byte) 1, (byte) 2, (byte) 3, (byte) 4);
            byte[] written = mine.segment().asSlice(PAGE - 2, 4).toArray(ValueLayout.JAVA_BYTE);
            assertArrayEquals(new byte[] {1, 2, 3, 4}, written);
            mine.segment().setString(64, "the client's");
            assertEquals("the client's", new String(Dma.read(device, IOVA + 64, 12), StandardCharsets.UTF_8));
        }
    }
}
