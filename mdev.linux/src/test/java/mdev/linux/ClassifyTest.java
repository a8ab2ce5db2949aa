package mdev.linux;

import static mdev.linux.Answers.EINVAL;
import static mdev.linux.Answers.EPERM;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The access to each kind of file that a peer may pass. */
@ExtendWith(NoLeaks.class)
class ClassifyTest {
    private static final int O_APPEND = 02000;

    @Test
    void unsealedMemfdIsSealedAgainstTruncation() throws Exception {
        try (Fd peers = MemFd.create("mdev-test", 8192);
                Fd passed = peers.dup()) {
            assertEquals(FdAccess.MMAP, Mapping.classify(passed, 0, 8192));
            assertEquals(Set.of(Seal.SHRINK), passed.seals());
            refused(EPERM, () -> peers.truncate(0));
        }
    }

    @Test
    void qemusMemfdIsSealed() throws Exception {
        try (Fd passed = MemFd.create("mdev-test", 8192, Seal.SEAL, Seal.SHRINK, Seal.GROW)) {
            assertEquals(FdAccess.MMAP, Mapping.classify(passed, 4096, 4096));
        }
    }

    @Test
    void memfdSealedAgainstSealsIsOnlyReadAndWritten() throws Exception {
        try (Fd peers = MemFd.create("mdev-test", 8192, Seal.SEAL);
                Fd passed = peers.dup();
                Arena arena = Arena.ofConfined()) {
            assertEquals(FdAccess.FILE_IO, Mapping.classify(passed, 0, 8192));
            peers.truncate(4096);
            assertEquals(96, passed.pread(4000, arena.allocate(1000), 0, 1000));
        }
    }

    @Test
    void readOnlyMemfdCannotBeSealed() throws Exception {
        try (Fd peers = MemFd.create("mdev-test", 8192);
                Fd passed = Fd.open(Path.of("/proc/self/fd/" + peers.number()), Fd.O_RDONLY)) {
            assertEquals(FdAccess.FILE_IO, Mapping.classify(passed, 0, 8192));
        }
    }

    @Test
    void fileIsOnlyReadAndWritten(@TempDir Path directory) throws Exception {
        Path path = Files.write(directory.resolve("ram"), new byte[8192]);
        try (Fd passed = Fd.open(path, Fd.O_RDWR)) {
            assertEquals(FdAccess.FILE_IO, Mapping.classify(passed, 0, 8192));
        }
    }

    enum NoMemory {
        SOCKET,
        EVENTFD,
        DEVICE,
        DIRECTORY,
        PIPE,
        /** A regular file, but in a file system with fictitious sizes, where a read runs code of a driver. */
        FILE_OF_SYSFS,
        FILE_TO_APPEND_TO
    }

    private static Fd fifo(Path directory) throws Exception {
        Path path = directory.resolve("fifo");
        assertEquals(0, new ProcessBuilder("mkfifo", path.toString()).start().waitFor());
        return Fd.open(path, Fd.O_RDWR);
    }

    @ParameterizedTest
    @EnumSource
    void rejectsADescriptorWithoutMemory(NoMemory kind, @TempDir Path directory) throws Exception {
        try (UnixSocket.Pair sockets = UnixSocket.pair(0);
                EventFd event = EventFd.create();
                Fd passed = switch (kind) {
                    case SOCKET -> sockets.first().fd().dup();
                    case EVENTFD -> event.fd().dup();
                    case DEVICE -> Fd.open(Path.of("/dev/zero"), Fd.O_RDWR);
                    case DIRECTORY -> Fd.open(directory, Fd.O_RDONLY);
                    case PIPE -> fifo(directory);
                    case FILE_OF_SYSFS -> Fd.open(Path.of("/sys/kernel/uevent_seqnum"), Fd.O_RDONLY);
                    case FILE_TO_APPEND_TO ->
                        Fd.open(Files.write(directory.resolve("log"), new byte[1]), Fd.O_RDWR | O_APPEND);
                }) {
            refused(EINVAL, () -> Mapping.classify(passed, 0, 1));
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 8193", "4096, 4097", "8192, 1", "0, 0", "0, -1", "-1, 1", "9223372036854775807, 1"})
    void rejectsARangeBeyondTheFile(long offset, long length) throws Exception {
        try (Fd passed = MemFd.create("mdev-test", 8192)) {
            assertTrue(refused(EINVAL, () -> Mapping.classify(passed, offset, length))
                    .contains(length > 0 && offset == 0 ? "8192 bytes" : ""));
        }
    }
}
