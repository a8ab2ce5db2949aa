package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.linux.Fd;
import mdev.linux.Mapping;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * GET_REGION_INFO (libvfio-user's test_device_get_region_info.py and ..._zero_size.py), and the memory behind its
 * descriptors.
 */
final class RegionInfoTest {
    private static final int RW = 3;
    private static final int MMAP = 4;
    private static final int CAPS = 8;
    private static final int HEAD = 32;
    /** The head, the capability's 16 bytes, and two areas of 16. */
    private static final int WITH_AREAS = HEAD + 16 + 2 * 16;

    @TestFactory
    Stream<DynamicTest> errors() {
        return new Cases()
                .refused("a payload of 8 bytes", Errno.EINVAL, Commands.GET_REGION_INFO, new Payload().zeroes(8))
                .refused(
                        "a payload of 31 bytes",
                        Errno.EINVAL,
                        Commands.GET_REGION_INFO,
                        Requests.regionInfo(32, 0).cut(31))
                .refused("argsz 8", Errno.EINVAL, Commands.GET_REGION_INFO, Requests.regionInfo(8, 1))
                .refused("argsz 31", Errno.EINVAL, Commands.GET_REGION_INFO, Requests.regionInfo(31, 1))
                .refused("index 9", Errno.EINVAL, Commands.GET_REGION_INFO, Requests.regionInfo(32, 9))
                .refused("index 2^31", Errno.EINVAL, Commands.GET_REGION_INFO, Requests.regionInfo(32, 1 << 31))
                .refused("index 2^32-1", Errno.EINVAL, Commands.GET_REGION_INFO, Requests.regionInfo(32, -1))
                .run();
    }

    /** Regions without capabilities: the answer is only the head, independent of argsz. */
    @TestFactory
    Stream<DynamicTest> plain() {
        Cases cases = new Cases();
        plain(cases, "registers", 0, RW, Card.BAR0_SIZE);
        plain(cases, "8 GiB", 4, RW, Card.BAR4_SIZE);
        plain(cases, "a BAR that is not there", 5, 0, 0);
        plain(cases, "a ROM that is not there", 6, 0, 0);
        plain(cases, "the configuration space", 7, RW, Card.CONFIG_SIZE);
        plain(cases, "VGA that is not there", 8, 0, 0);
        return cases.run();
    }

    private static void plain(Cases cases, String name, int index, int flags, long size) {
        for (long argsz : new long[] {HEAD, HEAD + 8, 4096, 0xffff_ffffL}) {
            cases.add(name + ", with argsz " + argsz, (_, client) -> {
                Message info = client.ok(Commands.GET_REGION_INFO, Requests.regionInfo(argsz, index));
                assertEquals(HEAD, info.size());
                head(info, HEAD, flags, index, 0, size);
                assertEquals(List.of(), info.fds());
            });
        }
    }

    private static void head(Message info, int argsz, int flags, int index, int capOffset, long size) {
        assertEquals(
                List.of(argsz, flags, index, capOffset),
                List.of(info.u32(0), info.u32(4), info.u32(8), info.u32(12)),
                "argsz, flags, index, cap_offset");
        assertEquals(size, info.u64(16), "size");
    }

    @TestFactory
    Stream<DynamicTest> capabilities() {
        Cases cases = new Cases();
        for (int argsz : new int[] {HEAD, HEAD + 8, WITH_AREAS - 1}) {
            cases.add("with argsz " + argsz + " the capabilities, and the descriptor, stay away", (_, client) -> {
                Message info = client.ok(Commands.GET_REGION_INFO, Requests.regionInfo(argsz, 2));
                assertEquals(argsz, info.size(), "cut to argsz");
                head(info, WITH_AREAS, RW | MMAP, 2, 0, Card.BAR2_SIZE);
                assertEquals(List.of(), info.closeFds().fds());
            });
        }
        for (int argsz : new int[] {WITH_AREAS, 4096}) {
            cases.add(
                    "with argsz " + argsz + " they come with one descriptor",
                    (_, client) -> sparse(client.ok(Commands.GET_REGION_INFO, Requests.regionInfo(argsz, 2))));
        }
        cases.add(
                "a request that is as long as its answer is as good",
                (_, client) -> sparse(client.ok(
                        Commands.GET_REGION_INFO,
                        Requests.regionInfo(WITH_AREAS, 2).zeroes(WITH_AREAS - HEAD))));
        cases.add("a region that is mapped as a whole comes with one descriptor", (rig, client) -> {
            Message info = complete(client, 3);
            assertEquals(RW | MMAP, info.u32(4) & ~CAPS, "flags");
            assertEquals(1, info.fds().size());
            try (Mapping all = map(rig.owned(info.fds().getFirst()), info.u64(24), Card.BAR3_SIZE)) {
                rig.card.bar3().set(ValueLayout.JAVA_INT, 0x2ffc, 42);
                assertEquals(42, all.segment().get(ValueLayout.JAVA_INT, 0x2ffc));
            }
        });
        return cases.run();
    }

    /** The device's region info is read before a client connects. */
    @TestFactory
    Stream<DynamicTest> otherDevices() {
        return new Cases()
                .add("the type of a region beyond the PCI ones is reported", (rig, client) -> {
                    rig.card.regions.put(
                            9,
                            new RegionInfo(
                                    9,
                                    RegionInfo.READ | RegionInfo.CAPS,
                                    16,
                                    List.of(new RegionCapability.Type(0x8000_8086, 5))));
                    Message info = complete(client.negotiate(), 9);
                    head(info, HEAD + 16, RegionInfo.READ | CAPS, 9, HEAD, 16);
                    assertEquals(List.of(2, 1, 0), List.of(info.u16(HEAD), info.u16(HEAD + 2), info.u32(HEAD + 4)));
                    assertEquals(List.of(0x8000_8086, 5), List.of(info.u32(HEAD + 8), info.u32(HEAD + 12)));
                    assertEquals(List.of(), info.fds());
                })
                .add("two capabilities are a chain", (rig, client) -> {
                    rig.card.regions.put(
                            2,
                            new RegionInfo(
                                    2,
                                    RW | MMAP | CAPS,
                                    Card.BAR2_SIZE,
                                    List.of(
                                            new RegionCapability.Type(1, 2),
                                            new RegionCapability.SparseMmap(Card.BAR2_AREAS))));
                    Message info = complete(client.negotiate(), 2).closeFds();
                    assertEquals(WITH_AREAS + 16, info.size());
                    assertEquals(1, info.fds().size());
                    List<Integer> ids = new ArrayList<>();
                    for (int at = info.u32(12); at != 0; at = info.u32(at + 4)) {
                        ids.add(info.u16(at));
                        assertTrue(ids.size() <= 2, "the chain ends");
                    }
                    assertEquals(List.of(2, 1), ids);
                })
                .add("a region of size 0 has no capabilities, whatever the device says", (rig, client) -> {
                    rig.card.regions.put(
                            5,
                            new RegionInfo(
                                    5,
                                    RW | MMAP | CAPS,
                                    0,
                                    List.of(new RegionCapability.SparseMmap(
                                            List.of(new RegionCapability.Area(0, 0x1000))))));
                    Message info = client.negotiate()
                            .ok(Commands.GET_REGION_INFO, Requests.regionInfo(4096, 5))
                            .closeFds();
                    assertEquals(HEAD, info.size());
                    assertEquals(0, info.u32(4) & (MMAP | CAPS), "flags");
                    assertEquals(List.of(), info.fds());
                })
                .add("a device that says MMAP but has no memory leaves the connection as it is", (rig, client) -> {
                    rig.card.regions.put(0, new RegionInfo(0, RW | MMAP, Card.BAR0_SIZE));
                    client.negotiate()
                            .call(Commands.GET_REGION_INFO, Requests.regionInfo(4096, 0))
                            .closeFds();
                    client.requireAlive();
                })
                .runSilent();
    }

    private static void sparse(Message info) {
        info.closeFds();
        assertEquals(WITH_AREAS, info.size());
        head(info, WITH_AREAS, RW | MMAP | CAPS, 2, HEAD, Card.BAR2_SIZE);
        assertEquals(1, info.u16(HEAD), "id");
        assertEquals(1, info.u16(HEAD + 2), "version");
        assertEquals(0, info.u32(HEAD + 4), "next");
        assertEquals(2, info.u32(HEAD + 8), "areas");
        List<RegionCapability.Area> areas = List.of(
                new RegionCapability.Area(info.u64(HEAD + 16), info.u64(HEAD + 24)),
                new RegionCapability.Area(info.u64(HEAD + 32), info.u64(HEAD + 40)));
        assertEquals(Card.BAR2_AREAS, areas);
        assertEquals(1, info.fds().size(), "descriptors");
    }

    /** Asks as QEMU does: first for the head, then with the size given there. */
    private static Message complete(Client client, int index) throws Exception {
        Message head = client.ok(Commands.GET_REGION_INFO, Requests.regionInfo(HEAD, index));
        if (head.u32(0) == HEAD) {
            return head;
        }
        head.closeFds();
        return client.ok(Commands.GET_REGION_INFO, Requests.regionInfo(head.u32(0), index));
    }

    private static Mapping map(Fd fd, long offset, long length) throws Exception {
        return Mapping.of(fd, offset, length, Mapping.Protection.READ_WRITE);
    }

    @TestFactory
    Stream<DynamicTest> memory() {
        return new Cases()
                .add(
                        "what the client writes into its mapping is the device's, and the other way round",
                        (rig, client) -> {
                            Message info = complete(client, 2);
                            Fd fd = rig.owned(info.fds().getFirst());
                            for (RegionCapability.Area area : Card.BAR2_AREAS) {
                                try (Mapping mine = map(fd, info.u64(24) + area.offset(), area.size())) {
                                    mine.segment().set(ValueLayout.JAVA_LONG, 8, 0x1122_3344_5566_7788L);
                                    assertEquals(
                                            0x1122_3344_5566_7788L,
                                            rig.card.bar2().get(ValueLayout.JAVA_LONG, area.offset() + 8));
                                    rig.card.bar2().setString(area.offset() + 64, "the device's");
                                    assertEquals("the device's", mine.segment().getString(64));
                                    byte[] written = "by message".getBytes(StandardCharsets.UTF_8);
                                    client.write(2, area.offset() + 128, written);
                                    assertEquals("by message", mine.segment().getString(128));
                                    mine.segment().set(ValueLayout.JAVA_BYTE, 200, (byte) 9);
                                    assertEquals(9, client.read(2, area.offset() + 200, 1)[0]);
                                }
                            }
                        })
                .add("a client cannot make the memory shorter", (rig, client) -> {
                    Fd fd = rig.owned(complete(client, 2).fds().getFirst());
                    assertTrue(fd.seals().stream().anyMatch(seal -> seal.name().equals("SHRINK")));
                })
                .add("a client that keeps its mapping after its end shares it with no other client", (rig, client) -> {
                    Fd fd = rig.owned(complete(client, 2).fds().getFirst());
                    try (Mapping kept = map(fd, 0, 0x4000)) {
                        client.write(2, 0x2000, (byte) 77);
                        assertEquals(77, kept.segment().get(ValueLayout.JAVA_BYTE, 0x2000));
                        client.close();
                        try (Client next = rig.client()) {
                            assertEquals(0, next.read(2, 0x2000, 1)[0]);
                            next.write(2, 0x2000, (byte) 78);
                            assertEquals(77, kept.segment().get(ValueLayout.JAVA_BYTE, 0x2000));
                        }
                    }
                })
                .add("asking again and again costs the server no descriptor", (_, client) -> {
                    complete(client, 2).closeFds();
                    client.requireAlive(); // afterwards the server has closed the descriptors that it sent
                    var held = Descriptors.open();
                    for (int i = 0; i < 50; i++) {
                        assertFalse(complete(client, 2).closeFds().fds().isEmpty());
                    }
                    Rig.await("descriptors", held, Descriptors::open);
                })
                .run();
    }
}
