package mdev.console.engine;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import mdev.console.Await;
import mdev.console.MemoryTerminal;
import mdev.console.shell.Shell;
import mdev.console.shell.Shell.Outcome;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GogoShellTest {
    private final TestPlatform platform = new TestPlatform();
    private final MemoryTerminal terminal = new MemoryTerminal("some\ninput\n");
    private final Shell shell = platform.shell(terminal);

    @AfterEach
    void close() {
        shell.close();
        platform.close();
    }

    record Line(String line, int status, String out, String err) {}

    static Stream<Line> lines() {
        String usage = "usage: mdev:create [-f] <parent> <type> [uuid]\n";
        return Stream.of(
                new Line("", 0, "", ""),
                new Line("  # nothing", 0, "", ""),
                new Line("mdev:list", 0, "UUID  PORTS\n83b8      2\n6ba7      -\n", ""),
                new Line("list", 0, "UUID  PORTS\n83b8      2\n6ba7      -\n", ""),
                new Line("mdev:create a b", 0, "arguments:  a,b\nforced:     no\n", ""),
                new Line("mdev:create a -f b c", 0, "arguments:  a,b,c\nforced:     yes\n", ""),
                new Line("mdev:create -- -f b", 0, "arguments:  -f,b\nforced:     no\n", ""),
                // Arguments reach the command as they were typed.
                new Line("mdev:echo 010 1e3 null true -1 - 0x10 *", 0, "010|1e3|null|true|-1|-|0x10|*\n", ""),
                new Line("mdev:echo 'a b' \"c  d\" e\\ f", 0, "a b|c  d|e f\n", ""),
                new Line("mdev:echo /sys/bus/mdev ü", 0, "/sys/bus/mdev|ü\n", ""),
                // Wrong arguments: one line, status 2.
                new Line("mdev:create", 2, "", "mdev:create: missing parent; " + usage),
                new Line("mdev:create a", 2, "", "mdev:create: missing type; " + usage),
                new Line("mdev:create a b c d", 2, "", "mdev:create: unexpected argument 'd'; " + usage),
                new Line("mdev:create -x a b", 2, "", "mdev:create: unknown flag '-x'; " + usage),
                new Line("mdev:list all", 2, "", "mdev:list: unexpected argument 'all'; usage: mdev:list\n"),
                new Line("mdev:echo", 2, "", "mdev:echo: missing word; usage: mdev:echo <word>...\n"),
                // Rejections: one line, status 1, with the errno's name if the message has none.
                new Line("mdev:fail", 1, "", "mdev:fail: it is in use (EBUSY)\n"),
                new Line("mdev:fail ENODEV", 1, "", "mdev:fail: it is ENODEV\n"),
                new Line("mdev:break", 1, "", "mdev:break: failed: a bug (the log says more)\n"),
                // Unknown commands.
                new Line("mdev:lst", 127, "", "mdev: no command 'mdev:lst'; did you mean mdev:list?\n"),
                new Line("lits", 127, "", "mdev: no command 'lits'; did you mean mdev:list?\n"),
                new Line("xyzzy", 127, "", "mdev: no command 'xyzzy'; 'help' lists the commands\n"),
                // A line continues after a failure, and returns the status of the first failure.
                new Line("mdev:fail; mdev:echo on", 1, "on\n", "mdev:fail: it is in use (EBUSY)\n"),
                new Line("mdev:echo on; mdev:fail", 1, "on\n", "mdev:fail: it is in use (EBUSY)\n"),
                new Line(
                        "mdev:list x; nope; mdev:echo on",
                        2,
                        "on\n",
                        "mdev:list: unexpected argument 'x'; usage: mdev:list\nmdev: no command 'nope'; 'help' lists the commands\n"),
                new Line("mdev:echo a\nmdev:echo b", 0, "a\nb\n", ""),
                new Line("mdev:fail && mdev:echo no", 1, "", "mdev:fail: it is in use (EBUSY)\n"),
                new Line("mdev:fail || mdev:echo yes", 0, "yes\n", "mdev:fail: it is in use (EBUSY)\n"),
                new Line("mdev:echo a || mdev:echo b && mdev:echo c", 0, "a\nc\n", ""),
                new Line("nope || mdev:echo yes", 0, "yes\n", "mdev: no command 'nope'; 'help' lists the commands\n"),
                // Pipes.
                new Line("mdev:echo a b | mdev:cat", 0, "a|b\n", ""),
                new Line("mdev:fail | mdev:cat", 1, "", "mdev:fail: it is in use (EBUSY)\n"),
                new Line("mdev:cat", 0, "some\ninput\n", ""),
                new Line("x = (mdev:echo v); mdev:echo $x", 0, "v\nv\n", ""),
                new Line(
                        "mdev:echo 'open",
                        2,
                        "",
                        "mdev: syntax error at column 12: the line ends looking for matching quote: '\n"),
                new Line("mdev:echo )", 2, "", "mdev: syntax error at column 11: unexpected token ')'\n"),
                // Empty statements are skipped; an operator requires both operands.
                new Line(";", 0, "", ""),
                new Line(" ; ;; ", 0, "", ""),
                new Line("mdev:echo a; ; mdev:echo b;", 0, "a\nb\n", ""),
                new Line(";;mdev:echo a", 0, "a\n", ""),
                new Line("mdev:echo a\n\n\nmdev:echo b\n", 0, "a\nb\n", ""),
                new Line(
                        "mdev:echo a &&", 2, "", "mdev: syntax error at column 13: a command is missing beside '&&'\n"),
                new Line("|| mdev:echo a", 2, "", "mdev: syntax error at column 1: a command is missing beside '||'\n"),
                new Line(
                        "mdev:echo a && ; b",
                        2,
                        "",
                        "mdev: syntax error at column 13: a command is missing beside '&&'\n"),
                // No command of a pipe runs if one is unknown.
                new Line("nope | mdev:cat", 127, "", "mdev: no command 'nope'; 'help' lists the commands\n"),
                new Line("mdev:echo a | ct", 127, "", "mdev: no command 'ct'; did you mean mdev:cat?\n"),
                new Line("f = { mdev:echo in }; f | mdev:cat", 0, "mdev:echo in\nin\n", ""),
                new Line("test:plain x", 2, "", "mdev: wrong arguments for 'plain'; 'help plain' explains it\n"),
                new Line(
                        "test:plain x | mdev:cat",
                        1,
                        "",
                        "mdev: wrong arguments for 'plain'; 'help plain' explains it\n"),
                // The commands of the shell itself.
                new Line("console:echo a 'b  c'", 0, "a b  c\n", ""),
                new Line("console:echo -n a", 0, "a", ""),
                new Line("mdev:list | grep 6B -i", 0, "6ba7      -\n", ""),
                new Line("mdev:list | grep -v 83 | grep -n b", 0, "2:6ba7      -\n", ""),
                new Line("mdev:list | grep -c b", 0, "2\n", ""),
                new Line("mdev:list | grep -c x", 1, "0\n", ""),
                new Line("mdev:list | grep -q x || mdev:echo none", 0, "none\n", ""),
                new Line("mdev:list | grep -q b && mdev:echo some", 0, "some\n", ""),
                new Line("mdev:list | grep --json 83", 0, "{\"line\":2,\"text\":\"83b8      2\"}\n", ""),
                new Line(
                        "mdev:list | grep '['",
                        1,
                        "",
                        "console:grep: '[' is not a regular expression: Unclosed character class (EINVAL)\n"),
                new Line("version", 0, "mdev:  1.2.3\n", ""),
                new Line("? exit", 0, """
                        console:exit - leave the shell; a platform that was started with it ends
                        usage: console:exit [status]
                          --json  print the answer as JSON
                          --help  print this
                        """, ""),
                new Line("help test:plain", 0, "help of test:plain\n", ""),
                new Line("help plain", 0, "help of plain\n", ""),
                new Line("help plian", 1, "", "console:help: no command 'plian'; did you mean test:plain? (ENOENT)\n"),
                new Line("mdev:size", 0, "Size[columns=132, rows=43] false\n", ""),
                new Line(
                        "mdev:list --json",
                        0,
                        "[ {\n  \"uuid\" : \"83b8\",\n  \"ports\" : 2\n}, {\n  \"uuid\" : \"6ba7\",\n  \"ports\" : null\n} ]\n",
                        ""),
                new Line(
                        "mdev:create --help nonsense -f",
                        0,
                        "mdev:create - create a mediated device\n" + usage
                                + "  -f      by force\n  --json  print the answer as JSON\n  --help  print this\n",
                        ""),
                new Line("help nope", 1, "", "console:help: no command 'nope'; 'help' lists the commands (ENOENT)\n"),
                new Line("exit 256", 1, "", "console:exit: no status '256': 0 to 255 (EINVAL)\n"));
    }

    @ParameterizedTest
    @MethodSource("lines")
    void line(Line expected) {
        Outcome outcome = shell.run(expected.line());
        assertAll(
                () -> assertEquals(expected.out(), terminal.takeOut()),
                () -> assertEquals(expected.err(), terminal.takeErr()),
                () -> assertEquals(new Outcome(expected.status(), false), outcome));
    }

    @Test
    void helpListsAllCommands() {
        assertEquals(0, shell.run("help").status());
        String help = terminal.takeOut();
        assertTrue(
                help.matches("(?s).*\nmdev:create \\[-f] <parent> <type> \\[uuid] +create a mediated device\n.*"),
                help);
        assertTrue(help.contains("console:exit"), help);
    }

    @Test
    void removedCommandIsNotSuggested() {
        platform.remove("mdev:list");
        assertEquals(127, shell.run("mdev:list").status());
        assertEquals("mdev: no command 'mdev:list'; did you mean mdev:cat or mdev:size?\n", terminal.takeErr());
        assertEquals(0, shell.run("help").status());
        assertFalse(terminal.takeOut().contains("mdev:list"));
    }

    @Test
    void redirectionIsRelativeToTheUsersDirectory(@TempDir Path temp) throws Exception {
        MemoryTerminal there = new MemoryTerminal() {
            @Override
            public Path directory() {
                return temp;
            }
        };
        try (Shell other = platform.shell(there)) {
            assertEquals(0, other.run("mdev:echo a > file").status());
        }
        assertEquals("a\n", Files.readString(temp.resolve("file")));
    }

    @Test
    void exitEndsTheLine() {
        assertEquals(new Outcome(0, true), shell.run("exit"));
        assertEquals(new Outcome(0, true), shell.run("quit"));
        assertEquals(new Outcome(3, true), shell.run("exit 3; mdev:echo never"));
        assertEquals("", terminal.takeOut());
    }

    @Test
    void ctrlCInterruptsTheCommandAndNotTheShell() throws Exception {
        CompletableFuture<Outcome> outcome =
                CompletableFuture.supplyAsync(() -> shell.run("y = kept; mdev:monitor; mdev:echo never"));
        Await.until("monitoring", platform.monitoring);
        shell.interrupt();
        assertEquals(new Outcome(Outcome.INTERRUPTED, false), outcome.get());
        assertEquals(0, platform.interrupted.getCount(), "the command ended before the line did");
        assertFalse(terminal.takeOut().contains("never"));
        assertEquals("", terminal.takeErr());
        assertEquals(0, shell.run("mdev:echo $y").status());
        assertEquals("kept\n", terminal.takeOut());
    }

    @Test
    void interruptOfTheLinesThreadActsLikeCtrlC() throws Exception {
        CompletableFuture<Outcome> outcome = new CompletableFuture<>();
        Thread thread = Thread.ofPlatform().start(() -> outcome.complete(shell.run("mdev:monitor")));
        Await.until("monitoring", platform.monitoring);
        thread.interrupt();
        assertEquals(Outcome.INTERRUPTED, outcome.get().status());
        assertEquals(0, platform.interrupted.getCount());
    }

    @Test
    void nestedLinePrintsToItsOwnTerminal() {
        assertEquals(
                0, shell.run("mdev:nested 'mdev:echo a | mdev:cat; mdev:fail'").status());
        assertEquals("1 <a\n> <mdev:fail: it is in use (EBUSY)\n>\n", terminal.takeOut());
        assertEquals("", terminal.takeErr());
    }

    @Test
    void ctrlCInterruptsTheNestedLine() throws Exception {
        CompletableFuture<Outcome> outcome = CompletableFuture.supplyAsync(() -> shell.run("mdev:nested mdev:monitor"));
        Await.until("monitoring", platform.monitoring);
        shell.interrupt();
        assertEquals(Outcome.INTERRUPTED, outcome.get().status());
        assertEquals(0, platform.interrupted.getCount());
    }

    @Test
    void interruptedReaderLeavesTheInputToTheNext() {
        MemoryTerminal silent = MemoryTerminal.silent();
        try (Shell other = platform.shell(silent)) {
            assertEquals(1, other.run("mdev:gone").status());
            assertEquals("mdev:gone: the device is gone (ENODEV)\n", silent.takeErr());
            silent.type("typed later");
            assertEquals(0, other.run("mdev:cat").status());
            assertEquals("typed later", silent.takeOut());
        }
    }

    @Test
    void ctrlCWithoutACommandDoesNothing() {
        shell.interrupt();
        assertEquals(0, shell.run("mdev:list").status());
    }
}
