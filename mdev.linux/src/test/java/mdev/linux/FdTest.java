package mdev.linux;

import static mdev.linux.Answers.EBADF;
import static mdev.linux.Answers.EBUSY;
import static mdev.linux.Answers.EINVAL;
import static mdev.linux.Answers.ENOENT;
import static mdev.linux.Answers.EPERM;
import static mdev.linux.Answers.ESPIPE;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NoLeaks.class)
class FdTest {
    private static final Path NULL = Path.of("/dev/null");

    @Test
    void secondCloseLeavesTheNextOwnerOfTheNumberAlone() throws Exception {
        Fd first = Fd.open(NULL, Fd.O_RDONLY);
        int number = first.number();
        first.close();
        assertEquals(-1, first.number());
        try (Fd next = Numbers.reuse(number, () -> Fd.open(NULL, Fd.O_RDONLY))) {
            first.close();
            assertEquals(FileType.CHARACTER_DEVICE, next.stat().type());
        }
    }

    @Test
    void movingLeavesTheOldOwnerClosed() throws Exception {
        Fd old = Fd.open(NULL, Fd.O_RDONLY);
        try (Fd owner = old.move()) {
            old.close();
            refused(EBADF, old::stat);
            owner.stat();
        }
    }

    @FunctionalInterface
    interface Use {
        void of(Fd fd) throws LinuxException;
    }

    static Stream<Arguments> uses() {
        MemorySegment memory = Arena.global().allocate(8);
        return Map.<String, Use>of(
                        "dup", fd -> fd.dup().close(),
                        "stat", Fd::stat,
                        "seals", Fd::seals,
                        "addSeals", fd -> fd.addSeals(Seal.SHRINK),
                        "truncate", fd -> fd.truncate(1),
                        "punchHole", fd -> fd.punchHole(0, 1),
                        "read", fd -> fd.read(memory),
                        "write", fd -> fd.write(memory),
                        "pread", fd -> fd.pread(0, memory, 0, 8),
                        "pwrite", fd -> fd.pwrite(0, memory, 0, 8))
                .entrySet()
                .stream()
                .map(use -> Arguments.of(use.getKey(), use.getValue()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("uses")
    void worksUntilClosed(String name, Use use) throws Exception {
        Fd fd = MemFd.create("mdev-test", 64);
        try (fd) {
            use.of(fd);
        }
        refused(EBADF, () -> use.of(fd));
    }

    @Test
    void reportsTypeSizeAndIdentity(@TempDir Path directory) throws Exception {
        try (UnixSocket.Pair sockets = UnixSocket.pair(0);
                Fd device = Fd.open(NULL, Fd.O_RDWR);
                Fd folder = Fd.open(directory, Fd.O_RDONLY);
                Fd memory = MemFd.create("mdev-test", 5L << 30);
                Fd sameMemory = memory.dup();
                EventFd event = EventFd.create()) {
            assertEquals(FileType.CHARACTER_DEVICE, device.stat().type());
            assertEquals(FileType.DIRECTORY, folder.stat().type());
            assertEquals(FileType.REGULAR, memory.stat().type());
            assertEquals(5L << 30, memory.stat().size());
            assertEquals(FileType.ANONYMOUS, event.fd().stat().type());
            assertEquals(FileType.SOCKET, sockets.first().fd().stat().type());
            assertEquals(memory.stat(), sameMemory.stat());
            assertNotEquals(
                    sockets.first().fd().stat().inode(),
                    sockets.second().fd().stat().inode());
        }
    }

    @Test
    void duplicateOwnsTheSameFile() throws Exception {
        Fd original = MemFd.create("mdev-test", 10);
        try (Fd duplicate = original.dup()) {
            assertNotEquals(original.number(), duplicate.number());
            original.close();
            assertEquals(10, duplicate.stat().size());
        }
    }

    @Test
    void positionedTransfersAreWholeAndShortOnlyAtTheEnd(@TempDir Path directory) throws Exception {
        byte[] bytes = new byte[3 << 20];
        new Random(1).nextBytes(bytes);
        try (Arena arena = Arena.ofConfined();
                Fd file = Fd.open(directory.resolve("file"), Fd.O_RDWR | Fd.O_CREAT | Fd.O_EXCL)) {
            MemorySegment out = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
            MemorySegment in = arena.allocate(bytes.length + 10);
            file.pwrite(5, out, 100, bytes.length - 100);
            assertEquals(bytes.length - 95, file.stat().size());
            assertEquals(bytes.length - 100, file.pread(5, in, 7, bytes.length), "short at the end");
            assertEquals(-1, in.asSlice(7, bytes.length - 100).mismatch(out.asSlice(100)));
            assertEquals(0, file.pread(1L << 40, in, 0, 10), "behind the end");
            assertThrows(IndexOutOfBoundsException.class, () -> file.pread(0, in, 0, in.byteSize() + 1));
            assertThrows(IllegalArgumentException.class, () -> file.pread(0, in.asReadOnly(), 0, 1));
            assertThrows(IllegalArgumentException.class, () -> file.read(in.asReadOnly()));
            refused(EINVAL, () -> file.pread(-1, in, 0, 1));
        }
    }

    @Test
    void transfersAllocateNothing() throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 4096);
                Arena arena = Arena.ofShared()) {
            MemorySegment bytes = arena.allocate(64);
            Allocation.assertNone(() -> {
                memory.pwrite(100, bytes, 8, 32);
                memory.pread(100, bytes, 16, 32);
            });
        }
    }

    @Test
    void socketHasNoPositions() throws Exception {
        try (UnixSocket.Pair sockets = UnixSocket.pair(0);
                Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(4);
            refused(ESPIPE, () -> sockets.first().fd().pread(0, memory, 0, 4));
            assertEquals(4, sockets.first().fd().write(memory));
            assertEquals(4, sockets.second().fd().read(memory));
        }
    }

    @Test
    void sealsAccumulateAndApply() throws Exception {
        try (Fd memory = MemFd.create("mdev-test", 4096)) {
            assertEquals(Set.of(), memory.seals());
            memory.addSeals(Seal.SHRINK);
            memory.addSeals(Seal.SHRINK, Seal.GROW);
            assertEquals(EnumSet.of(Seal.SHRINK, Seal.GROW), memory.seals());
            refused(EPERM, () -> memory.truncate(4095));
            refused(EPERM, () -> memory.truncate(4097));
            try (Mapping mapping = Mapping.of(memory, 0, 4096, Mapping.Protection.READ_WRITE)) {
                assertEquals(4096, mapping.segment().byteSize());
                refused(EBUSY, () -> memory.addSeals(Seal.WRITE));
            }
            memory.addSeals(Seal.SEAL);
            refused(EPERM, () -> memory.addSeals(Seal.WRITE));
        }
        try (Fd device = Fd.open(NULL, Fd.O_RDWR)) {
            refused(EINVAL, device::seals);
        }
    }

    @Test
    void holeTakesNoMemoryAndReadsZero() throws Exception {
        long page = 4096;
        try (Fd memory = MemFd.create("mdev-test", 4 * page, Seal.SHRINK, Seal.GROW);
                Mapping mapping = Mapping.of(memory, 0, 4 * page, Mapping.Protection.READ_WRITE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = mapping.segment().fill((byte) 1);
            final long all = memory.stat().blocks();
            assertEquals(4 * page / 512, all);
            memory.punchHole(page + 8, 2 * page);
            assertEquals(all / 4 * 3, memory.stat().blocks(), "one whole page lies in it");
            assertEquals(page + 8, bytes.mismatch(arena.allocate(4 * page).fill((byte) 1)));
            assertEquals(-1, bytes.asSlice(page + 8, 2 * page).mismatch(arena.allocate(2 * page)));
            assertEquals(1, bytes.get(ValueLayout.JAVA_BYTE, 3 * page + 8), "behind it");
            memory.punchHole(0, 4 * page);
            assertEquals(0, memory.stat().blocks());
            assertEquals(4 * page, memory.stat().size());
            bytes.set(ValueLayout.JAVA_BYTE, page, (byte) 2);
            assertEquals(1, memory.pread(page, arena.allocate(1), 0, 1));
            refused(EINVAL, () -> memory.punchHole(0, 0));
        }
        try (Fd memory = MemFd.create("mdev-test", page, Seal.WRITE)) {
            refused(EPERM, () -> memory.punchHole(0, page));
        }
    }

    @Test
    void errorNamesTheCallAndTheReason() {
        assertEquals(
                "open /nowhere/at/all: No such file or directory (ENOENT)",
                refused(ENOENT, () -> Fd.open(Path.of("/nowhere/at/all"), Fd.O_RDONLY)));
    }
}
