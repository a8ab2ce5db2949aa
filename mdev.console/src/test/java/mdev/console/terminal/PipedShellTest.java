package mdev.console.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import mdev.console.MemoryTerminal;
import mdev.console.engine.TestPlatform;
import mdev.console.shell.Shell;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PipedShellTest {
    /** In the table, a bar stands for the end of a line. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '>',
            value = {
                "''                              > 0 > ''",
                "'mdev:echo a|mdev:echo b|'      > 0 > 'a|b|'",
                "'mdev:echo a'                   > 0 > 'a|'",
                "'mdev:fail||mdev:echo b|'       > 0 > 'b|'",
                "'mdev:echo a|mdev:fail||'       > 1 > 'a|'",
                "'mdev:list x|'                  > 2 > ''",
                "'exit 5|mdev:echo never|'       > 5 > ''",
                "'mdev:cat|the rest|is input'    > 0 > 'the rest|is input'",
            })
    void runsLines(String input, int status, String output) throws Exception {
        MemoryTerminal terminal = new MemoryTerminal(input.replace('|', '\n'));
        try (TestPlatform platform = new TestPlatform();
                Shell shell = platform.shell(terminal)) {
            assertEquals(status, new PipedShell(shell, terminal.in(), () -> false).run());
            assertEquals(output, terminal.takeOut().replace('\n', '|'));
        }
    }
}
