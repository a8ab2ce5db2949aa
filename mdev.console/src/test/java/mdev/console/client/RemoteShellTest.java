package mdev.console.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PipedOutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import mdev.console.Await;
import mdev.console.MemoryTerminal;
import mdev.console.control.ControlLimits;
import mdev.console.control.ControlServer;
import mdev.console.control.RunDirectory;
import mdev.console.control.Wire;
import mdev.console.engine.TestPlatform;
import mdev.console.shell.Shell.Completion;
import mdev.console.shell.Shell.Outcome;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class RemoteShellTest {
    @TempDir
    private Path temp;

    private final TestPlatform platform = new TestPlatform();
    private final MemoryTerminal terminal = new MemoryTerminal("line one\nline two\n");
    private final CountDownLatch gone = new CountDownLatch(1);
    private RunDirectory directory;
    private ControlServer server;
    private RemoteShell shell;

    @BeforeEach
    void open() throws IOException {
        directory = RunDirectory.open(temp.resolve("run"));
        server = ControlServer.open(directory, platform::shell, () -> new ControlLimits(8, 8));
        shell = new RemoteShell(Wire.connect(server.socket()), terminal, gone::countDown);
    }

    @AfterEach
    void close() throws IOException {
        shell.close();
        server.close();
        directory.close();
        platform.close();
    }

    @Test
    void runsLikeTheLocalShell() {
        assertEquals(new Outcome(1, false), shell.run("mdev:echo a; mdev:fail; mdev:where"));
        assertEquals("a\n/somewhere\n", terminal.takeOut());
        assertEquals("mdev:fail: it is in use (EBUSY)\n", terminal.takeErr());
        assertEquals(new Outcome(0, false), shell.run("mdev:cat"));
        assertEquals("line one\nline two\n", terminal.takeOut());
        assertEquals(new Outcome(4, true), shell.run("exit 4"));
    }

    @Test
    void completes() {
        assertEquals(List.of(new Completion("mdev:cat", "print the input", false)), shell.complete("mdev:ca"));
        assertEquals(List.of(), shell.complete("nope "));
    }

    @Test
    void interrupts() throws Exception {
        CompletableFuture<Outcome> outcome = CompletableFuture.supplyAsync(() -> shell.run("mdev:monitor"));
        Await.until("monitoring", platform.monitoring);
        shell.interrupt();
        assertEquals(new Outcome(130, false), outcome.get());
    }

    @Test
    void reportsAFailedOutput() throws IOException {
        MemoryTerminal closed = new MemoryTerminal() {
            @Override
            public OutputStream out() {
                return new PipedOutputStream();
            }
        };
        try (RemoteShell shell = new RemoteShell(Wire.connect(server.socket()), closed, () -> {})) {
            UncheckedIOException failure = assertThrows(UncheckedIOException.class, () -> shell.run("mdev:echo a"));
            assertEquals("cannot print: Pipe not connected", failure.getMessage());
        }
    }

    @Test
    void reportsTheEndOfThePlatform() throws Exception {
        server.close();
        Await.until("the client knows", gone);
        assertThrows(RemoteShell.GoneException.class, () -> shell.run("mdev:list"));
        assertThrows(RemoteShell.GoneException.class, () -> shell.run("mdev:list"));
    }
}
