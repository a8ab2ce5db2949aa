package vendor.ccwsim.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands of a disk of 2048 blocks. */
class FbaDiskTest {
    private static final int BLOCK = 512;
    private static final int BLOCKS = 2048;

    private final FbaDisk disk = new FbaDisk(new MemoryMedium(BLOCKS * BLOCK));

    @TempDir
    Path directory;

    private static byte[] pattern(int blocks, int seed) {
        byte[] data = new byte[blocks * BLOCK];
        new Random(seed).nextBytes(data);
        return data;
    }

    /** As dasd_fba_build_cp of Linux: an extent from block {@code location} on, whose first block is 0. */
    private static Command extent(int mask, int location, int last) {
        return Command.out(
                FbaDisk.DEFINE_EXTENT, "%02x 00 02 00 %s 00 00 00 00 %s".formatted(mask, word(location), word(last)));
    }

    private static Command locate(int operation, int block, int count) {
        return Command.out(
                FbaDisk.LOCATE, "%02x 00 %02x %02x %s".formatted(operation, count >> 8, count & 0xff, word(block)));
    }

    private static String word(int number) {
        return "%02x %02x %02x %02x"
                .formatted(number >>> 24, (number >>> 16) & 0xff, (number >>> 8) & 0xff, number & 0xff);
    }

    private void ends(Command command) throws Exception {
        assertEquals(Command.ENDED, command.on(disk));
    }

    /** Ends with unit check and these first two bytes of sense data. */
    private void isRejected(Command command, String sense) throws Exception {
        assertEquals(Command.UNIT_CHECK, command.on(disk));
        Command sensed = Command.in(ControlUnit.SENSE, 32);
        ends(sensed);
        assertEquals(24, sensed.received().length);
        assertEquals(sense, sensed.hex().substring(0, 5));
    }

    private void write(int location, byte[] data) throws Exception {
        disk.start();
        ends(extent(0x00, location, data.length / BLOCK - 1));
        ends(locate(0x5, 0, data.length / BLOCK));
        ends(Command.out(FbaDisk.WRITE, data));
    }

    private byte[] read(int location, int blocks) throws Exception {
        disk.start();
        ends(extent(0x40, location, blocks - 1));
        ends(locate(0x6, 0, blocks));
        Command read = Command.in(FbaDisk.READ, blocks * BLOCK);
        ends(read);
        return read.received();
    }

    @Test
    void blocksAreReadAsTheyWereWritten() throws Exception {
        byte[] data = pattern(3, 1);
        write(7, data);
        assertArrayEquals(data, read(7, 3));
        assertArrayEquals(new byte[BLOCK], read(6, 1));
        assertArrayEquals(new byte[BLOCK], read(10, 1));
        write(BLOCKS - 1, pattern(1, 2));
        assertArrayEquals(pattern(1, 2), read(BLOCKS - 1, 1));
    }

    @Test
    void blocksOfAnExtentAreCountedFromItsFirst() throws Exception {
        byte[] data = pattern(1, 3);
        write(102, data);
        // The program's blocks 10 to 19 are the disk's blocks 100 to 109.
        ends(Command.out(FbaDisk.DEFINE_EXTENT, "40 00 02 00 00 00 00 64 00 00 00 0a 00 00 00 13"));
        ends(locate(0x6, 12, 1));
        Command read = Command.in(FbaDisk.READ, BLOCK);
        ends(read);
        assertArrayEquals(data, read.received());
    }

    @Test
    void countOfTheProgramEndsATransfer() throws Exception {
        write(0, pattern(2, 4));
        ends(extent(0x40, 0, 9));
        ends(locate(0x6, 0, 2));
        Command read = Command.in(FbaDisk.READ, 700);
        ends(read);
        assertArrayEquals(Arrays.copyOf(pattern(2, 4), 700), read.received());
        ends(extent(0x00, 0, 9));
        ends(locate(0x1, 0, 2));
        ends(Command.out(FbaDisk.WRITE, new byte[] {1, 2, 3}));
        byte[] written = new byte[BLOCK];
        written[0] = 1;
        written[1] = 2;
        written[2] = 3;
        assertArrayEquals(written, read(0, 1), "the rest of the block is zeros");
        assertArrayEquals(Arrays.copyOfRange(pattern(2, 4), BLOCK, 2 * BLOCK), read(1, 1));
    }

    /** Mask, size of a block, location, first and last block. */
    @ParameterizedTest
    @CsvSource({
        "80, 00, 02 00, 00 00 00 00, 00 00 00 00, 00 00 00 00", // a reserved permission
        "10, 00, 02 00, 00 00 00 00, 00 00 00 00, 00 00 00 00", // a reserved bit
        "08, 00, 02 00, 00 00 00 00, 00 00 00 00, 00 00 00 00", // blocks for customer engineers
        "00, 01, 02 00, 00 00 00 00, 00 00 00 00, 00 00 00 00",
        "00, 00, 04 00, 00 00 00 00, 00 00 00 00, 00 00 00 00",
        "00, 00, 02 00, 00 00 00 00, 00 00 00 01, 00 00 00 00", // ends before it begins
        "00, 00, 02 00, 00 00 08 00, 00 00 00 00, 00 00 00 00", // behind the disk
        "00, 00, 02 00, 00 00 07 ff, 00 00 00 00, 00 00 00 01",
        "00, 00, 02 00, ff ff ff ff, 00 00 00 00, ff ff ff ff",
        "00, 00, 02 00, 00 00 00 00, 00 00 00 00, ff ff ff ff"
    })
    void invalidExtentIsRejected(String mask, String zero, String size, String location, String first, String last)
            throws Exception {
        ends(extent(0x00, 0, 9));
        isRejected(
                Command.out(
                        FbaDisk.DEFINE_EXTENT,
                        mask + " " + zero + " " + size + " " + location + " " + first + " " + last),
                "80 00");
        isRejected(locate(0x6, 0, 1), "80 00"); // nor is the earlier one valid
    }

    @ParameterizedTest
    @CsvSource({"0, 0, 1", "2, 0, 1", "6, 10, 1", "6, 9, 2", "6, 0, 0", "6, -1, 2", "-122, 0, 1"})
    void invalidLocationIsRejected(int operation, int block, int count) throws Exception {
        ends(extent(0xc0, 0, 9));
        ends(locate(0x6, 9, 1));
        isRejected(locate(operation & 0xff, block, count), "80 00");
        isRejected(Command.in(FbaDisk.READ, BLOCK), "80 00"); // nor is the earlier one valid
    }

    @Test
    void commandsOutOfOrderAreRejected() throws Exception {
        isRejected(locate(0x6, 0, 1), "80 00");
        isRejected(Command.in(FbaDisk.READ, BLOCK), "80 00");
        isRejected(Command.out(FbaDisk.WRITE, new byte[BLOCK]), "80 00");
        ends(extent(0xc0, 0, 9));
        isRejected(Command.in(FbaDisk.READ, BLOCK), "80 00");
        ends(locate(0x1, 0, 1));
        isRejected(Command.in(FbaDisk.READ, BLOCK), "80 00");
        ends(locate(0x6, 0, 1));
        isRejected(Command.out(FbaDisk.WRITE, new byte[BLOCK]), "80 00");
        ends(locate(0x6, 0, 1));
        ends(Command.in(FbaDisk.READ, BLOCK));
        isRejected(Command.in(FbaDisk.READ, BLOCK), "80 00"); // one command per locate
        isRejected(Command.out(FbaDisk.DEFINE_EXTENT, "00 00 02 00"), "80 00");
        ends(extent(0xc0, 0, 9));
        isRejected(Command.out(FbaDisk.LOCATE, "06 00 00"), "80 00");
        isRejected(Command.out(0x05, ""), "80 00");
    }

    @Test
    void extentThatInhibitsWritesProtectsTheFile() throws Exception {
        ends(extent(0x40, 0, 9));
        isRejected(locate(0x5, 0, 1), "80 04");
        isRejected(locate(0x1, 0, 1), "80 04");
        assertArrayEquals(new byte[BLOCK], read(0, 1));
    }

    @Test
    void newProgramAndResetForgetTheExtent() throws Exception {
        ends(extent(0xc0, 0, 9));
        disk.start();
        isRejected(locate(0x6, 0, 1), "80 00");
        ends(extent(0xc0, 0, 9));
        ends(locate(0x6, 0, 1));
        disk.reset();
        isRejected(Command.in(FbaDisk.READ, BLOCK), "80 00");
        isRejected(locate(0x6, 0, 1), "80 00");
    }

    @Test
    void identifiesItself() throws Exception {
        Command id = Command.in(ControlUnit.SENSE_ID, 20);
        ends(id);
        assertEquals("ff 63 10 80 93 36 10", id.hex());
        Command rdc = Command.in(FbaDisk.READ_DEVICE_CHARACTERISTICS, 64);
        ends(rdc);
        assertEquals("30 08 21 11 02 00 00 00 00 6f 00 00 03 09 00 00 08 00" + " 00".repeat(14), rdc.hex());
    }

    @Test
    void stateHasBlocksAndTheMiddleOfAProgram() throws Exception {
        write(5, pattern(2, 5));
        ends(extent(0x40, 5, 9));
        ends(locate(0x6, 1, 1));
        var next = new FbaDisk(new MemoryMedium(BLOCKS * BLOCK));
        next.restore(disk.save());
        Command read = Command.in(FbaDisk.READ, BLOCK);
        assertEquals(Command.ENDED, read.on(next));
        assertArrayEquals(Arrays.copyOfRange(pattern(2, 5), BLOCK, 2 * BLOCK), read.received());
        assertEquals(Command.ENDED, locate(0x6, 0, 1).on(next), "the extent is defined");
        var fresh = new FbaDisk(new MemoryMedium(BLOCKS * BLOCK));
        fresh.restore(new FbaDisk(new MemoryMedium(BLOCKS * BLOCK)).save());
        assertEquals(Command.UNIT_CHECK, locate(0x6, 0, 1).on(fresh), "no extent");
    }

    @ParameterizedTest
    @CsvSource({
        "blocks, 2047",
        "location, 2048",
        "location, -1",
        "first, -1",
        "first, 11",
        "last, 4294967296",
        "last, 2044",
        "operation, 7",
        "block, 2048",
        "count, 2047"
    })
    void invalidStateIsRefused(String field, long value) throws Exception {
        ends(extent(0x40, 5, 9));
        ends(locate(0x6, 1, 1));
        DeviceState saved = disk.save();
        DeviceState changed = DeviceState.version(1);
        for (var entry : saved.fields().entrySet()) {
            changed = changed.with(entry.getKey(), entry.getKey().equals(field) ? value : entry.getValue());
        }
        DeviceState bad = changed;
        disk.restore(saved);
        assertEquals(
                Errno.EINVAL,
                assertThrows(ErrnoException.class, () -> disk.restore(bad)).errno());
    }

    @Test
    void fileKeepsItsBlocksAndIsNotShared() throws Exception {
        Path file = Files.write(directory.resolve("disk"), new byte[4 * BLOCK]);
        try (FileMedium medium = FileMedium.open(file)) {
            var onFile = new FbaDisk(medium);
            assertEquals(Command.ENDED, extent(0, 3, 0).on(onFile));
            assertEquals(Command.ENDED, locate(0x1, 0, 1).on(onFile));
            assertEquals(
                    Command.ENDED, Command.out(FbaDisk.WRITE, pattern(1, 6)).on(onFile));
            assertEquals(Errno.EBUSY, refused(file));
            assertEquals(false, onFile.save().has("contents"), "are not part of the state");
        }
        byte[] written = Files.readAllBytes(file);
        assertArrayEquals(new byte[3 * BLOCK], Arrays.copyOf(written, 3 * BLOCK));
        assertArrayEquals(pattern(1, 6), Arrays.copyOfRange(written, 3 * BLOCK, 4 * BLOCK));
        FileMedium.open(file).close();
    }

    @Test
    void truncatedFileIsAnEquipmentCheck() throws Exception {
        Path file = Files.write(directory.resolve("disk"), new byte[4 * BLOCK]);
        try (FileMedium medium = FileMedium.open(file)) {
            var onFile = new FbaDisk(medium);
            Files.write(file, new byte[BLOCK + 1]);
            extent(0, 1, 0).on(onFile);
            locate(0x6, 0, 1).on(onFile);
            assertEquals(Command.UNIT_CHECK, Command.in(FbaDisk.READ, BLOCK).on(onFile));
            Command sense = Command.in(ControlUnit.SENSE, 1);
            sense.on(onFile);
            assertEquals("10", sense.hex());
        }
    }

    private static Errno refused(Path file) {
        return assertThrows(ErrnoException.class, () -> FileMedium.open(file).close())
                .errno();
    }

    @Test
    void unusableFileIsRefused() throws Exception {
        assertEquals(Errno.ENOENT, refused(directory.resolve("none")));
        assertEquals(Errno.EINVAL, refused(Files.createFile(directory.resolve("empty"))));
        assertEquals(Errno.EINVAL, refused(Files.write(directory.resolve("odd"), new byte[BLOCK + 1])));
        assertEquals(Errno.EIO, refused(directory));
    }
}
