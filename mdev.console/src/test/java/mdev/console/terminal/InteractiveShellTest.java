package mdev.console.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.logging.Level;
import java.util.logging.Logger;
import mdev.console.Await;
import mdev.console.MemoryTerminal;
import mdev.console.engine.TestPlatform;
import mdev.console.shell.Shell;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Keys typed at a pseudo terminal. */
@Timeout(60)
class InteractiveShellTest {
    /** JLine reports the closing of a pseudo terminal that is still read. */
    private static final Logger JLINE = Logger.getLogger("org.jline");

    private static final String TAB = "\t";
    private static final String ENTER = "\r";
    private static final String CTRL_C = "\u0003";
    private static final String CTRL_D = "\u0004";

    private final TestPlatform platform = new TestPlatform();
    private final MemoryTerminal results = new MemoryTerminal();
    private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
    private final PipedOutputStream keyboard = new PipedOutputStream();
    private Terminal terminal;
    private CompletableFuture<Integer> status;

    @BeforeEach
    void open() throws IOException {
        JLINE.setLevel(Level.OFF);
        terminal = TerminalBuilder.builder()
                .system(false)
                .provider("ffm")
                .type("xterm")
                .graphemeCluster(false)
                .env(name -> name.equals("TERM_PROGRAM") ? "Apple_Terminal" : null)
                .streams(new PipedInputStream(keyboard, 4096), screen)
                .build();
        status = CompletableFuture.supplyAsync(() -> {
            try (Shell shell = platform.shell(results)) {
                return new InteractiveShell(shell, new JLineTerminal(terminal), () -> false).run();
            }
        });
        Await.until("prompt", () -> screen.toString(StandardCharsets.UTF_8).contains("mdev> "));
    }

    @AfterEach
    void close() throws IOException {
        try (platform) {
            terminal.close();
        }
    }

    private void type(String keys) throws IOException {
        keyboard.write(keys.getBytes(StandardCharsets.UTF_8));
        keyboard.flush();
    }

    private void awaitOutput(String expected) {
        StringBuilder seen = new StringBuilder();
        Await.until(
                "'" + expected + "' printed",
                () -> seen.append(results.takeOut()).indexOf(expected) >= 0);
    }

    /** Ends the shell by a line: a key such as Ctrl-D would be the terminal's own until the prompt is back. */
    private void leave(int expected) throws Exception {
        type("exit " + expected + ENTER);
        assertEquals(expected, status.get());
    }

    @Test
    void tabCompletesAndQuotes() throws Exception {
        type("mdev:ec" + TAB + "x" + ENTER);
        awaitOutput("x\n");
        type("cre" + TAB + "od" + TAB + "t" + ENTER);
        awaitOutput("arguments:  odd name,t\n");
        leave(0);
    }

    @Test
    void ctrlCDropsTheLine() throws Exception {
        type("mdev:echo dropped" + CTRL_C + "mdev:echo kept" + ENTER);
        awaitOutput("kept\n");
        leave(6);
    }

    @Test
    void ctrlDEndsTheShell() throws Exception {
        type(CTRL_D);
        assertEquals(0, status.get());
    }

    @Test
    void ctrlCInterruptsTheCommand() throws Exception {
        type("mdev:monitor" + ENTER);
        Await.until("monitoring", platform.monitoring);
        // No process has this terminal as its own, so nobody gets the kernel's signal.
        terminal.raise(Terminal.Signal.INT);
        Await.until("interrupted", platform.interrupted);
        type("mdev:echo on" + ENTER);
        awaitOutput("on\n");
        leave(0);
    }

    @Test
    void anOpenQuoteGoesOnOnTheNextLine() throws Exception {
        type("mdev:echo 'a" + ENTER + "b'" + ENTER);
        awaitOutput("a\nb\n");
        leave(0);
    }
}
