package mdev.console.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import mdev.console.MemoryTerminal;
import mdev.console.shell.Shell;
import mdev.console.shell.Shell.Completion;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompleterTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '>',
            value = {
                "'mdev:c'                  > mdev:cat mdev:create",
                "'cr'                      > create",
                "'ex'                      > exit",
                "'mdev:create '            > mtty gpu0 odd name",
                "'mdev:create m'           > mtty",
                "'mdev:create ''odd '      > odd name",
                "'create mtty '            > mtty-1 mtty-2",
                "'create -f mtty mtty-2'   > mtty-2",
                "'create mtty mtty-2 '     > ''",
                "'create mtty mtty-2 x y ' > ''",
                "'create -'                > -f --help --json",
                "'create -f -'             > --help --json",
                "'mdev:list; mdev:create g'> gpu0",
                "'mdev:list | cr'          > create",
                "'nope '                   > ''",
                "'help mdev:li'            > mdev:list",
            })
    void completes(String head, String expected) {
        try (TestPlatform platform = new TestPlatform();
                Shell shell = platform.shell(new MemoryTerminal())) {
            List<String> values =
                    shell.complete(head).stream().map(Completion::value).toList();
            assertEquals(expected, String.join(" ", values));
        }
    }
}
