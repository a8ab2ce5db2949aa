package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static mdev.linux.Answers.EACCES;
import static mdev.linux.Answers.refused;
import static mdev.linux.Mapping.Protection.READ;
import static mdev.linux.Mapping.Protection.READ_WRITE;
import static mdev.linux.Mapping.Sharing.PRIVATE;
import static mdev.linux.Mapping.Sharing.SHARED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.Thread.State;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NoLeaks.class)
class MappingTest {
    @Test
    void threeGibibytesAreOneSegment() throws Exception {
        long size = 3L << 30;
        try (Fd memory = MemFd.create("mdev-test", size, Seal.SHRINK);
                Mapping mapping = Mapping.of(memory, 0, size, READ_WRITE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment check = arena.allocate(JAVA_LONG);
            for (long offset : new long[] {0, Integer.MAX_VALUE + 1L, size - 8}) {
                mapping.segment().set(JAVA_LONG, offset, ~offset);
                assertEquals(8, memory.pread(offset, check, 0, 8));
                assertEquals(~offset, check.get(JAVA_LONG, 0));
            }
        }
    }

    @Test
    void mapsAPartOfTheFile() throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 16384);
                Mapping all = Mapping.of(memory, 0, 16384, READ_WRITE);
                Mapping part = Mapping.of(memory, 8192, 100, READ_WRITE)) {
            part.segment().set(JAVA_BYTE, 99, (byte) 7);
            assertEquals(7, all.segment().get(JAVA_BYTE, 8192 + 99));
            assertThrows(IndexOutOfBoundsException.class, () -> part.segment().get(JAVA_BYTE, 100));
        }
    }

    @Test
    void privateMappingDoesNotWriteTheFile() throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 4096);
                Arena arena = Arena.ofConfined()) {
            MemorySegment shared = Mapping.map(memory, 0, 4096, READ_WRITE, SHARED, arena);
            MemorySegment mine = Mapping.map(memory, 0, 4096, READ_WRITE, PRIVATE, arena);
            mine.set(JAVA_BYTE, 0, (byte) 1);
            assertEquals(0, shared.get(JAVA_BYTE, 0));
        }
    }

    @Test
    void anonymousPagesTakeMemoryWhenTheyAreUsed() throws Exception {
        long length = 1L << 30;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = Mapping.anonymous(length, arena);
            assertEquals(0, memory.get(JAVA_LONG, length - Long.BYTES));
            memory.set(JAVA_LONG, length - Long.BYTES, 7);
            assertEquals(7, memory.get(JAVA_LONG, length - Long.BYTES));
            assertTrue(resident(memory.address()) < length / 2);
        }
    }

    /** The size of the resident pages of the mapping at an address, which may be more than this test's; 0 without one. */
    private static long resident(long address) throws IOException {
        boolean here = false;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
            Matcher range = Pattern.compile("([0-9a-f]+)-([0-9a-f]+) .*").matcher(line);
            if (range.matches()) {
                here = Long.parseUnsignedLong(range.group(1), 16) <= address
                        && address < Long.parseUnsignedLong(range.group(2), 16);
            } else if (here && line.startsWith("Rss:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) << 10;
            }
        }
        return 0;
    }

    @Test
    void readOnlyMemoryRejectsWrites() throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 4096);
                Fd readOnly = Fd.open(Path.of("/proc/self/fd/" + memory.number()), Fd.O_RDONLY);
                Mapping mapping = Mapping.of(readOnly, 0, 4096, READ)) {
            assertTrue(mapping.segment().isReadOnly());
            assertThrows(IllegalArgumentException.class, () -> mapping.segment().set(JAVA_BYTE, 0, (byte) 1));
            refused(EACCES, () -> Mapping.of(readOnly, 0, 4096, READ_WRITE));
        }
    }

    @Test
    void closedMappingHasNoMemory() throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 4096)) {
            Mapping mapping = Mapping.of(memory, 0, 4096, READ_WRITE);
            assertEquals(1, NoLeaks.mappingsOf("mdev-test"));
            mapping.close();
            assertEquals(0, NoLeaks.mappingsOf("mdev-test"));
            assertThrows(IllegalStateException.class, () -> mapping.segment().get(JAVA_BYTE, 0));
            mapping.close();
        }
    }

    static Stream<Supplier<Arena>> arenas() {
        return Stream.of(Arena::ofConfined, Arena::ofShared);
    }

    @ParameterizedTest
    @MethodSource("arenas")
    void callersArenaUnmaps(Supplier<Arena> kind) throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 4096)) {
            Arena arena = kind.get();
            Mapping.map(memory, 0, 4096, READ_WRITE, SHARED, arena);
            assertEquals(1, NoLeaks.mappingsOf("mdev-test"));
            arena.close();
            assertEquals(0, NoLeaks.mappingsOf("mdev-test"));
            assertThrows(IllegalStateException.class, () -> Mapping.map(memory, 0, 4096, READ_WRITE, SHARED, arena));
            assertEquals(0, NoLeaks.mappingsOf("mdev-test"), "a closed arena leaves nothing behind");
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 4096, 22", "0, 0, 22", "-4096, 4096, 75", "0, -1, 12"})
    void rejectsInvalidRanges(long offset, long length, int errno) throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 8192)) {
            refused(errno, () -> Mapping.of(memory, offset, length, READ_WRITE));
        }
    }

    @Test
    void closeWaitsForASystemCallOnTheMemory() throws Exception {
        try (UnixSocket.Pair sockets = UnixSocket.pair(0);
                Fd memory = MemFd.create("mdev-test", 4096);
                Arena arena = Arena.ofConfined()) {
            Mapping mapping = Mapping.of(memory, 0, 4096, READ_WRITE);
            FutureTask<Long> receiver =
                    Threads.start("map-receiver", () -> sockets.second().receive(mapping.segment(), 8, 100, 0));
            Threads.awaitAsleep("map-receiver");
            FutureTask<Void> closer = Threads.start("map-closer", () -> {
                mapping.close();
                return null;
            });
            Threads.await("it tries", () -> closer.isDone() || Threads.isIn("map-closer", State.TIMED_WAITING));
            assertEquals(1, NoLeaks.mappingsOf("mdev-test"), "the kernel may still write into it");

            sockets.first().send(arena.allocateFrom("hello"), 0, 5);
            assertEquals(5, Threads.get(receiver));
            Threads.get(closer);
            Threads.await("it is unmapped", () -> NoLeaks.mappingsOf("mdev-test") == 0);
            MemorySegment received = arena.allocate(8);
            memory.pread(8, received, 0, 5);
            assertEquals("hello", received.getString(0));
        }
    }
}
