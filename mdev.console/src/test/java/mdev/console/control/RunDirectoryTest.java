package mdev.console.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunDirectoryTest {
    @TempDir
    private Path temp;

    @Test
    void isOnlyForItsOwnerAndLeavesNoLock() throws Exception {
        Path path = temp.resolve("a/run");
        try (RunDirectory directory = RunDirectory.open(path)) {
            assertEquals(path, directory.path());
            assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
            Path lock = path.resolve("mdev.lock");
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(lock)));
            assertEquals(Long.toString(ProcessHandle.current().pid()), Files.readString(lock));
        }
        assertFalse(Files.exists(path.resolve("mdev.lock")));
        RunDirectory.open(path).close();
    }

    @Test
    void hasOnePlatform() throws Exception {
        Path path = temp.resolve("run");
        try (RunDirectory directory = RunDirectory.open(path)) {
            String message = assertThrows(IOException.class, () -> RunDirectory.open(path))
                    .getMessage();
            long pid = ProcessHandle.current().pid();
            assertEquals("a platform runs on " + directory.path() + " already (process " + pid + ")", message);
            assertEquals(Long.toString(pid), Files.readString(path.resolve("mdev.lock")), "nothing changed");
        }
    }

    @Test
    void takesOverTheDirectoryOfAKilledPlatform() throws Exception {
        Path path = Files.createDirectory(
                temp.resolve("run"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Files.writeString(path.resolve("mdev.lock"), "4194305");
        RunDirectory.open(path).close();
        assertFalse(Files.exists(path.resolve("mdev.lock")));
    }

    @Test
    void rejectsADirectoryThatOthersMayWriteTo() throws Exception {
        Path path = Files.createDirectory(temp.resolve("run"));
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxrwxr-x"));
        String message =
                assertThrows(IOException.class, () -> RunDirectory.open(path)).getMessage();
        assertEquals("others may write to the run directory " + path + ": chmod 700 it, or take another", message);
        assertFalse(Files.exists(path.resolve("mdev.lock")));
    }

    @Test
    void rejectsAFile() throws Exception {
        Path path = Files.createFile(temp.resolve("run"));
        String message =
                assertThrows(IOException.class, () -> RunDirectory.open(path)).getMessage();
        assertEquals("the run directory " + path + " is not a directory", message);
    }

    @Test
    void namesTheLimitOfASocketsPath() {
        Path path = temp.resolve("x".repeat(RunDirectory.SUN_PATH));
        String message = String.valueOf(
                assertThrows(IOException.class, () -> RunDirectory.open(path)).getMessage());
        assertTrue(message.contains("may have 107 (108 with its terminating zero)"), message);
        assertFalse(message.contains("\n"));
        assertFalse(Files.exists(path));
    }

    @Test
    void limitIsTheKernels() throws Exception {
        int room = RunDirectory.SUN_PATH - 1 - (temp + "/").length() - "/control.sock".length();
        Path longest = temp.resolve("x".repeat(room));
        try (RunDirectory directory = RunDirectory.open(longest);
                ControlServer server = ControlServer.open(
                        directory,
                        terminal -> {
                            throw new AssertionError("no client comes");
                        },
                        () -> new ControlLimits(1, 1))) {
            assertEquals(RunDirectory.SUN_PATH - 1, server.socket().toString().length());
        }
        assertThrows(IOException.class, () -> RunDirectory.open(temp.resolve("x".repeat(room + 1))));
    }
}
