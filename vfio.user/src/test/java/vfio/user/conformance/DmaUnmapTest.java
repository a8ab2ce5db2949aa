package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static vfio.user.conformance.Requests.MAP_READ;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Requests.UNMAP_ALL;
import static vfio.user.conformance.Requests.UNMAP_BITMAP;
import static vfio.user.conformance.Rig.PAGE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.VfioContext;
import mdev.linux.Fd;
import mdev.linux.Mapping;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** DMA_UNMAP (libvfio-user's test_dma_unmap.py), and that no use of the memory remains when it is answered. */
final class DmaUnmapTest {
    private static final long IOVA = 0x10_0000;

    @TestFactory
    Stream<DynamicTest> refusals() {
        Cases cases = new Cases();
        refused(cases, "a payload of 8 bytes", new Payload().zeroes(8));
        refused(cases, "a payload of 23 bytes", Requests.unmap(IOVA, 4 * PAGE).cut(23));
        refused(cases, "argsz 8", Requests.unmap(8, 0, IOVA, 4 * PAGE));
        refused(cases, "argsz 23", Requests.unmap(23, 0, IOVA, 4 * PAGE));
        refused(cases, "an unknown flag", Requests.unmap(24, 4, IOVA, 4 * PAGE));
        refused(cases, "an unknown flag at the other end", Requests.unmap(24, 1 << 31, IOVA, 4 * PAGE));
        refused(cases, "all with an address", Requests.unmap(24, UNMAP_ALL, IOVA, 0));
        refused(cases, "all with a size", Requests.unmap(24, UNMAP_ALL, 0, PAGE));
        refused(cases, "all with a bitmap", bitmap(24 + 16 + 8, UNMAP_ALL | UNMAP_BITMAP, 0, 0, PAGE, 8));
        refused(cases, "a bitmap that is not described", Requests.unmap(48, UNMAP_BITMAP, IOVA, 4 * PAGE));
        refused(cases, "a bitmap while writes are not logged", bitmap(48, UNMAP_BITMAP, IOVA, 4 * PAGE, PAGE, 8));
        refused(
                cases,
                "a bitmap for which an answer has no room",
                bitmap(-1, UNMAP_BITMAP, IOVA, 4 * PAGE, PAGE, 1 << 20));
        refused(cases, "a bitmap of 2^64-32 bytes", bitmap(40, UNMAP_BITMAP, IOVA, 4 * PAGE, PAGE, -32));
        missing(cases, "the first page", IOVA, PAGE);
        missing(cases, "the last page", IOVA + 3 * PAGE, PAGE);
        missing(cases, "a page inside", IOVA + PAGE, PAGE);
        missing(cases, "one page more", IOVA, 5 * PAGE);
        missing(cases, "one page before it too", IOVA - PAGE, 5 * PAGE);
        missing(cases, "two mappings at once", IOVA, 8 * PAGE);
        missing(cases, "a place where nothing is", IOVA + 0x10_0000, PAGE);
        missing(cases, "a place where nothing is, and no page begins", IOVA + 0x10_0001, PAGE);
        missing(cases, "the whole address space but a page", 0, -PAGE);
        return cases.run();
    }

    /** Rejected, and existing mappings remain. */
    private static void refused(Cases cases, String name, Payload payload) {
        refused(cases, name, Errno.EINVAL, payload);
    }

    private static void missing(Cases cases, String name, long address, long size) {
        refused(cases, name, Errno.ENOENT, Requests.unmap(address, size));
    }

    private static void refused(Cases cases, String name, Errno errno, Payload payload) {
        cases.add(name + " is " + errno, (rig, client) -> {
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, 4 * PAGE), rig.memory(4 * PAGE));
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA + 4 * PAGE, 4 * PAGE), rig.memory(4 * PAGE));
            client.refused(errno, Commands.DMA_UNMAP, payload);
            Dma.write(rig.card.context(), IOVA + 4 * PAGE - 1, (byte) 1, (byte) 2);
            client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, 4 * PAGE));
        });
    }

    private static Payload bitmap(long argsz, int flags, long address, long size, long pgsize, long bytes) {
        return Requests.unmap(argsz, flags, address, size).u64(pgsize).u64(bytes);
    }

    @TestFactory
    Stream<DynamicTest> unmappings() {
        return new Cases()
                .add("an unmap is answered with the request, and releases the memory", (rig, client) -> {
                    Fd memory = rig.memory(2 * PAGE);
                    Map<String, Integer> held = Descriptors.open();
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, 2 * PAGE), memory);
                    Dma.write(rig.card.context(), IOVA, (byte) 1);
                    Message answer = client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, 2 * PAGE));
                    assertArrayEquals(Requests.unmap(IOVA, 2 * PAGE).toBytes(), answer.bytes(0));
                    assertEquals(0, rig.mappings(), "mappings, once it is answered");
                    assertEquals("EINVAL", Dma.errno(() -> Dma.read(rig.card.context(), IOVA, 1)));
                    Rig.await("descriptors", held, Descriptors::open);
                    client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(IOVA, 2 * PAGE));
                })
                // libvfio-user rejects an argsz above its max_data_xfer_size; the specification has no such limit.
                .add("a larger argsz is accepted", (_, client) -> {
                    for (long argsz : new long[] {64, (1 << 20) + 8, 0xffff_ffffL}) {
                        client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, PAGE));
                        Message answer = client.ok(Commands.DMA_UNMAP, Requests.unmap(argsz, 0, IOVA, PAGE));
                        assertEquals(24, answer.size());
                    }
                })
                .add("all is all, with and without descriptors", (rig, client) -> {
                    for (int i = 0; i < 16; i++) {
                        client.ok(Commands.DMA_MAP, Requests.map(RW, 0, 2L * i * PAGE, PAGE), rig.memory(PAGE));
                        client.ok(Commands.DMA_MAP, Requests.map(MAP_READ, 0, (2L * i + 1) * PAGE, PAGE));
                    }
                    Payload all = Requests.unmap(24, UNMAP_ALL, 0, 0);
                    assertArrayEquals(
                            all.toBytes(), client.ok(Commands.DMA_UNMAP, all).bytes(0));
                    assertEquals(0, rig.mappings());
                    client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(0, PAGE));
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, 32 * PAGE));
                })
                .add(
                        "all of nothing is done",
                        (_, client) -> client.ok(Commands.DMA_UNMAP, Requests.unmap(24, UNMAP_ALL, 0, 0)))
                .add(
                        "the device is asked to unpin its pages, and has none pinned when the request is answered",
                        (rig, client) -> {
                            Fd memory = rig.memory(PAGE);
                            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, PAGE), memory);
                            VfioContext device = rig.card.context();
                            List<PinnedPage> pinned = device.pinPages(new long[] {IOVA / PAGE}, RW);
                            MemorySegment page = pinned.getFirst().page();
                            page.set(ValueLayout.JAVA_BYTE, 5, (byte) 55);
                            try (Mapping mine = Mapping.of(memory, 0, PAGE, Mapping.Protection.READ)) {
                                assertEquals(55, mine.segment().get(ValueLayout.JAVA_BYTE, 5));
                            }
                            rig.card.onUnmap = (iova, _) -> unpin(device, iova);
                            client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, PAGE));
                            assertEquals(Map.of(IOVA, (long) PAGE), rig.card.unmapped);
                            assertEquals(0, rig.mappings());
                            assertThrows(IllegalStateException.class, () -> page.get(ValueLayout.JAVA_BYTE, 5));
                        })
                .add("the pins of a device that does not unpin are dropped by force", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, PAGE), rig.memory(PAGE));
                    MemorySegment page = rig.card
                            .context()
                            .pinPages(new long[] {IOVA / PAGE}, RW)
                            .getFirst()
                            .page();
                    client.ok(Commands.DMA_UNMAP, Requests.unmap(IOVA, PAGE));
                    assertEquals(0, rig.mappings());
                    assertThrows(IllegalStateException.class, () -> page.get(ValueLayout.JAVA_BYTE, 5));
                })
                .add("an unmapping that wants no answer is done before the next command", (_, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, PAGE));
                    client.post(Commands.DMA_UNMAP, Requests.unmap(IOVA, PAGE));
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA - PAGE, 3 * PAGE));
                })
                .add("with its bitmap, of the pages that the device wrote", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, 16 * PAGE), rig.memory(16 * PAGE));
                    FeatureTest.startLogging(client, PAGE);
                    Dma.write(rig.card.context(), IOVA + 3 * PAGE - 1, (byte) 1, (byte) 1);
                    Dma.write(rig.card.context(), IOVA + 15 * PAGE, (byte) 1);
                    Payload unmap = bitmap(48, UNMAP_BITMAP, IOVA, 16 * PAGE, PAGE, 8);
                    Message answer = client.ok(Commands.DMA_UNMAP, unmap);
                    assertEquals(48, answer.size());
                    assertArrayEquals(unmap.toBytes(), unmap.cut(40).toBytes());
                    assertEquals(List.of(IOVA, 16L * PAGE), List.of(answer.u64(8), answer.u64(16)));
                    assertEquals(List.of((long) PAGE, 8L), List.of(answer.u64(24), answer.u64(32)));
                    assertEquals(0b1000_0000_0000_1100, answer.u64(40), "pages 2, 3 and 15");
                    client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(IOVA, 16 * PAGE));
                })
                .add("with a bitmap that has no room it is EINVAL, and stays mapped", (rig, client) -> {
                    client.ok(Commands.DMA_MAP, Requests.map(RW, 0, IOVA, 128 * PAGE), rig.memory(128 * PAGE));
                    FeatureTest.startLogging(client, PAGE);
                    client.refused(
                            Errno.EINVAL, Commands.DMA_UNMAP, bitmap(48, UNMAP_BITMAP, IOVA, 128 * PAGE, PAGE, 8));
                    client.refused(
                            Errno.EINVAL, Commands.DMA_UNMAP, bitmap(48, UNMAP_BITMAP, IOVA, 128 * PAGE, PAGE, 16));
                    client.ok(Commands.DMA_UNMAP, bitmap(56, UNMAP_BITMAP, IOVA, 128 * PAGE, PAGE, 16));
                })
                .run();
    }

    private static void unpin(VfioContext device, long iova) {
        try {
            device.unpinPages(new long[] {iova / PAGE});
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        }
    }
}
