package itests.vm;

import static itests.vm.CcwClient.ATTENTION;
import static itests.vm.CcwClient.CC;
import static itests.vm.CcwClient.CD;
import static itests.vm.CcwClient.DATA;
import static itests.vm.CcwClient.ENDED;
import static itests.vm.CcwClient.IDA;
import static itests.vm.CcwClient.MEMORY;
import static itests.vm.CcwClient.NOOP;
import static itests.vm.CcwClient.ORB;
import static itests.vm.CcwClient.PRINT;
import static itests.vm.CcwClient.PROGRAM;
import static itests.vm.CcwClient.PROGRAM_CHECK;
import static itests.vm.CcwClient.SENSE;
import static itests.vm.CcwClient.SENSE_ID;
import static itests.vm.CcwClient.SLI;
import static itests.vm.CcwClient.TIC;
import static itests.vm.CcwClient.UNIT_CHECK;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Patience;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import mdev.linux.LinuxException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The console and the disk of vendor.ccw-sim, created in the shell and driven by channel programs over vfio-user. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class CcwIT {
    private static final String CONSOLE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa5001";
    private static final String DISK = "83b8f4f2-509f-382f-3c1e-e6bfe0fa5002";
    private static final String TYPE = "vfio_ccw-io";
    private static final int EINVAL = 22;
    private static final int EOPNOTSUPP = 95;
    private static final int BLOCK = 0x2000;

    @TempDir
    Path temp;

    private Platform platform;

    @BeforeAll
    void start() throws Exception {
        platform = Platform.start("--load", "vendor.ccw-sim");
    }

    @AfterAll
    void stop() throws Exception {
        try (Platform last = platform) {
            assertEquals(List.of(), last.stop());
            assertEquals("", last.errors());
        }
    }

    @BeforeEach
    void create() throws Exception {
        platform.create("0.0.0009", TYPE, CONSOLE);
        platform.create("0.0.0040", TYPE, DISK);
    }

    @AfterEach
    void remove() throws Exception {
        platform.remove(CONSOLE);
        platform.remove(DISK);
    }

    private CcwClient open(String uuid) throws LinuxException {
        return new CcwClient(platform.socket(uuid));
    }

    private String shell(String command) throws Exception {
        return platform.run(command).ok();
    }

    @Test
    void parentIsASubchannelAsInLinux() throws Exception {
        String type = "/sys/devices/virtual/vfio_ccw/0.0.0009/mdev_supported_types/vfio_ccw-io/";
        assertEquals("I/O subchannel (Non-QDIO)", shell("sysfs:cat " + type + "name"));
        assertEquals("vfio-ccw", shell("sysfs:cat " + type + "device_api"));
        assertEquals("0", shell("sysfs:cat " + type + "available_instances"));
        Result second = platform.run("mdev:create 0.0.0009 " + TYPE);
        assertEquals(1, second.status());
        assertEquals(
                "mdev:create: subchannel 0.0.0009 has its one device already (EPERM)",
                second.output().strip());
    }

    @Test
    void describesItselfAsVfioCcw() throws Exception {
        try (CcwClient user = open(CONSOLE)) {
            WireClient wire = user.wire();
            assertEquals(List.of(16, 0x11, 4, 3), wire.info(), "CCW and RESET, 4 regions, 3 interrupts");
            assertEquals(List.of(32, 0x3, 0, 0, 124, 0, 0, 0), wire.regionInfo(0), "has a fixed index");
            assertEquals(
                    List.of(1, 2, 3),
                    List.of(
                            user.region(CcwClient.ASYNC_CMD),
                            user.region(CcwClient.SCHIB),
                            user.region(CcwClient.CRW)));
            assertEquals(List.of(48, 0xb, 1, 32, 8, 0, 0, 0, 2 | 1 << 16, 0, 2, 1), wire.regionInfo(1), "async_cmd");
            assertEquals(List.of(48, 0x9, 2, 32, 52, 0, 0, 0, 2 | 1 << 16, 0, 2, 2), wire.regionInfo(2), "schib");
            assertEquals(List.of(48, 0x9, 3, 32, 8, 0, 0, 0, 2 | 1 << 16, 0, 2, 3), wire.regionInfo(3), "crw");
            for (int index = 0; index < 3; index++) {
                assertEquals(List.of(16, 1, index, 1), wire.irqInfo(index), "one eventfd");
            }
            byte[] schib = wire.read(user.region(CcwClient.SCHIB), 0, 52);
            assertEquals(9, schib[7], "the device number");
        }
    }

    /** Before a user has opened the device, and with a user: the same regions, and what the user has armed. */
    @Test
    void informationNeedsNoUser() throws Exception {
        List<String> regions = List.of(
                "0 config 124 read write",
                "1 async_cmd 8 read write caps",
                "2 schib 52 read caps",
                "3 crw 8 read caps");
        String unopened = squeezed(shell("vfio:info " + CONSOLE));
        assertAll(
                () -> regions.forEach(region -> assertTrue(unopened.contains(region), unopened)),
                () -> assertTrue(unopened.contains("0 io 1 0 0 eventfd"), unopened),
                () -> assertTrue(unopened.contains("user: -"), unopened));
        try (CcwClient user = open(CONSOLE)) {
            user.print("hello").complete();
            String opened = squeezed(shell("vfio:info " + CONSOLE));
            assertAll(
                    () -> regions.forEach(region -> assertTrue(opened.contains(region), opened)),
                    () -> assertTrue(opened.contains("0 io 1 1 0 eventfd"), opened),
                    () -> assertTrue(opened.contains("interrupts: 1"), opened));
        }
    }

    private static String squeezed(String table) {
        return table.replaceAll(" +", " ");
    }

    @Test
    void consolePrintsAndAsksForAttentionWhenALineIsTyped() throws Exception {
        try (CcwClient user = open(CONSOLE)) {
            assertEquals(ENDED, user.ccw(SENSE_ID, 0, 7, DATA).run().device());
            assertArrayEquals(new byte[] {-1, 0x32, 0x15, 0, 0x32, 0x15, 0}, user.data(DATA, 7));
            user.print("WHO ARE YOU?").complete();
            assertEquals("WHO ARE YOU?", shell("ccw:console " + CONSOLE));

            shell("ccw:console " + CONSOLE + " 'query time'");
            assertEquals(new CcwClient.Status(ATTENTION, 0, 0), user.interrupted());
            CcwClient.Status read = user.inquire().run();
            assertEquals(new CcwClient.Status(ENDED, 0, 70), read);
            assertEquals("query time", user.text(80 - read.count()));

            assertEquals("WHO ARE YOU?\nquery time", shell("ccw:console " + CONSOLE), "typed lines are printed");
            assertTrue(user.isQuiet());
        }
    }

    /** By IDAWs: from two pages in any order, and back at an address. */
    @Test
    void diskReturnsTheBlockThatWasWritten() throws Exception {
        byte[] block = randomBlock();
        try (CcwClient user = open(DISK)) {
            user.idaws(0x800, 0x4ff0, 0x3000)
                    .data(0x4ff0, Arrays.copyOf(block, 16))
                    .data(0x3000, Arrays.copyOfRange(block, 16, 512));
            user.block(CcwClient.WRITE, 7, BLOCK).flag(IDA, 0x800).complete();
            user.block(CcwClient.READ, 7, BLOCK).complete();
            assertArrayEquals(block, user.data(BLOCK, 512));

            assertEquals(
                    new CcwClient.Status(ENDED | UNIT_CHECK, 0, 0),
                    user.block(CcwClient.READ, 2048, BLOCK).run(),
                    "there are 2048 blocks");
            user.ccw(SENSE, 0, 24, DATA).complete();
            assertEquals(0x80, user.data(DATA, 1)[0] & 0xff, "command reject");
        }
    }

    private static byte[] randomBlock() {
        byte[] block = new byte[512];
        new Random(5).nextBytes(block);
        return block;
    }

    /** An inquiry that waits for its line is part of the state, as is what the console has printed. */
    @Test
    void devicesInUseKeepTheirProgramsThroughAnUpdate() throws Exception {
        byte[] block = randomBlock();
        try (CcwClient console = open(CONSOLE);
                CcwClient disk = open(DISK)) {
            disk.data(BLOCK, block).block(CcwClient.WRITE, 3, BLOCK).complete();
            console.print("before").complete();
            console.inquire().start();
            Deadline.await(Patience.TIME, "the inquiry waits", () -> isActive(console));

            shell("mdev:update vendor.ccw-sim");

            assertTrue(console.isQuiet());
            shell("ccw:console " + CONSOLE + " after");
            CcwClient.Status read = console.interrupted();
            assertEquals(new CcwClient.Status(ENDED, 0, 75), read);
            assertEquals("after", console.text(5));
            assertEquals("before\nafter", shell("ccw:console " + CONSOLE));
            disk.data(BLOCK, new byte[512]).block(CcwClient.READ, 3, BLOCK).complete();
            assertArrayEquals(block, disk.data(BLOCK, 512));
        }
    }

    /** Whether the SCHIB says that the subchannel is active. */
    private static boolean isActive(CcwClient user) {
        try {
            return (user.wire().read(user.region(CcwClient.SCHIB), 28 + 3, 1)[0] & 0x80) != 0;
        } catch (LinuxException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void savedDiskIsRestoredWithItsBlocks() throws Exception {
        byte[] block = randomBlock();
        Path file = temp.resolve("disk.mdev");
        try (CcwClient user = open(DISK)) {
            user.data(BLOCK, block).block(CcwClient.WRITE, 9, BLOCK).complete();
        }
        shell("mdev:save " + DISK + " " + file);
        Result console = platform.run("mdev:restore 0.0.0009 " + file);
        assertEquals(1, console.status(), "of another device, and the subchannel has one");
        shell("mdev:remove " + DISK);
        platform.create("0.0.0040", TYPE, DISK);
        try (CcwClient user = open(DISK)) {
            user.block(CcwClient.READ, 9, BLOCK).complete();
            assertArrayEquals(new byte[512], user.data(BLOCK, 512), "a new disk is empty");
        }
        shell("mdev:remove " + DISK);

        assertEquals("", shell("mdev:restore 0.0.0040 " + file + " " + DISK));

        try (CcwClient user = open(DISK)) {
            user.block(CcwClient.READ, 9, BLOCK).complete();
            assertArrayEquals(block, user.data(BLOCK, 512));
        }
    }

    /** The blocks of a disk do not flood the terminal. */
    @Test
    void stateIsShownBriefly() throws Exception {
        String state = shell("mdev:state " + DISK);
        assertTrue(state.lines().allMatch(line -> line.length() < 400), "a line");
        assertTrue(squeezed(state).contains("subchannel.device.blocks: 2048"), state);
    }

    /**
     * @param errno of the start; 0: it starts, and ends with a program check
     * @param orb the second word of the ORB
     */
    record Malformed(String title, int errno, int orb, int address, Consumer<CcwClient> program) {
        static Malformed check(String title, Consumer<CcwClient> program) {
            return new Malformed(title, 0, ORB, PROGRAM, program);
        }

        static Malformed refused(String title, Consumer<CcwClient> program) {
            return new Malformed(title, EINVAL, ORB, PROGRAM, program);
        }
    }

    static Stream<Malformed> malformed() {
        return Stream.of(
                Malformed.check(
                        "data chained in a circle",
                        user -> user.ccw(PRINT, CD, 1, DATA).ccw(TIC, 0, 0, PROGRAM)),
                Malformed.check("a transfer in channel is first", user -> user.ccw(TIC, 0, 0, PROGRAM)),
                Malformed.check(
                        "a transfer to a transfer",
                        user -> user.ccw(NOOP, CC | SLI, 1, 0)
                                .ccw(TIC, 0, 0, PROGRAM + 16)
                                .ccw(TIC, 0, 0, PROGRAM)),
                Malformed.check("a loop", user -> user.ccw(NOOP, CC | SLI, 1, 0).ccw(TIC, 0, 0, PROGRAM)),
                Malformed.check("no command", user -> user.ccw(0, 0, 1, DATA)),
                Malformed.check("no bytes to chain", user -> user.ccw(PRINT, CD, 0, DATA)),
                Malformed.check("an address of 32 bits", user -> user.ccw(PRINT, 0, 1, 0x8000_0000)),
                Malformed.check("MIDA", user -> user.ccw(PRINT, CcwClient.MIDA, 1, DATA)),
                Malformed.check("suspension", user -> user.ccw(PRINT, CcwClient.SUSPEND, 1, DATA)),
                Malformed.check("a list of IDAWs between doublewords", user -> user.ccw(PRINT, IDA, 1, 0x804)),
                new Malformed("an odd address", 0, ORB, PROGRAM + 4, _ -> {}),
                new Malformed("transport mode", EOPNOTSUPP, ORB | 1 << 18, PROGRAM, _ -> {}),
                new Malformed(
                        "IDAWs of format 1",
                        EOPNOTSUPP,
                        ORB & ~(1 << 17),
                        PROGRAM,
                        user -> user.ccw(PRINT, IDA, 1, 0x800)),
                new Malformed("no such memory", EINVAL, ORB, MEMORY, _ -> {}),
                Malformed.refused("a chain of 257 CCWs", user -> {
                    for (int i = 0; i < 257; i++) {
                        user.ccw(NOOP, CC, 1, 0);
                    }
                }),
                Malformed.refused("data outside of the memory", user -> user.ccw(PRINT, 0, 2, MEMORY - 1)),
                Malformed.refused("IDAWs outside of the memory", user -> user.ccw(PRINT, IDA, 1, MEMORY)),
                Malformed.refused(
                        "an IDAW outside of the memory",
                        user -> user.idaws(0x800, 1L << 40).ccw(PRINT, IDA, 1, 0x800)));
    }

    /** Each program fails, and the next works; the other device does not notice. */
    @Test
    void malformedProgramsFailAlone() throws Exception {
        byte[] block = randomBlock();
        try (CcwClient console = open(CONSOLE);
                CcwClient disk = open(DISK)) {
            disk.data(BLOCK, block).block(CcwClient.WRITE, 1, BLOCK).complete();
            for (Malformed each : malformed().toList()) {
                each.program.accept(console);
                assertEquals(each.errno, console.tryStart(each.orb, each.address), each.title);
                if (each.errno == 0) {
                    assertEquals(PROGRAM_CHECK, console.interrupted().subchannel(), each.title);
                }
                console.print(each.title).complete();
                disk.data(BLOCK, new byte[512]).block(CcwClient.READ, 1, BLOCK).complete();
                assertArrayEquals(block, disk.data(BLOCK, 512), each.title);
            }
            assertEquals(
                    malformed().skip(1).map(Malformed::title).toList(),
                    shell("ccw:console " + CONSOLE).lines().skip(1).toList(),
                    "printed, after the line that the circle has filled");
            assertEquals(EINVAL, console.wire().tryWrite(console.region(CcwClient.ASYNC_CMD), 0, new byte[] {7}));
            assertTrue(console.isQuiet() && disk.isQuiet());
        }
    }
}
