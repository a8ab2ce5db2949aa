package mdev.console.engine;

import static mdev.console.engine.Spelling.hint;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.IntStream;
import mdev.api.errno.Errno;
import mdev.api.shell.UnknownNameException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpellingTest {
    private static final List<String> COMMANDS =
            List.of("mdev:list", "mdev:lsmod", "mdev:modprobe", "mdev:remove", "mdev:rmmod", "sysfs:ls", "felix:lb");

    @ParameterizedTest
    @CsvSource({
        "mdev:lsmood, mdev:lsmod",
        "lsmdo,       mdev:lsmod",
        "LIST,        mdev:list",
        "removed,     mdev:remove",
        "lx,          felix:lb or sysfs:ls",
        "modprob,     mdev:modprobe",
        "frobnicate,  ''",
    })
    void nearest(String typed, String meant) {
        assertEquals(
                "no command '" + typed + "'; "
                        + (meant.isEmpty() ? "'help' lists the commands" : "did you mean " + meant + "?"),
                Spelling.unknownCommand(typed, COMMANDS));
    }

    /** A few names are listed; of many, the most similar is suggested. A directory is never listed in full. */
    @Test
    void hints() {
        List<String> few = List.of("mtty-2", "mtty-1");
        List<String> many = IntStream.range(0, 9).mapToObj(i -> "device-" + i).toList();
        assertEquals(": mtty-1, mtty-2", hint(UnknownNameException.among(Errno.ENODEV, "", "x", few)));
        assertEquals(": there is none", hint(UnknownNameException.among(Errno.ENODEV, "", "x", List.of())));
        assertEquals(
                ": did you mean 'device-3'?", hint(UnknownNameException.among(Errno.ENODEV, "", "devize-3", many)));
        assertEquals("", hint(UnknownNameException.among(Errno.ENODEV, "", "frobnicate", many)));
        assertEquals(": did you mean 'mtty-1'?", hint(UnknownNameException.near(Errno.ENODEV, "", "mty-1", few)));
        assertEquals("", hint(UnknownNameException.near(Errno.ENODEV, "", "x", List.of())));
    }

    @ParameterizedTest
    @CsvSource({
        "'', '', 0",
        "abc, '', 3",
        "abc, abc, 0",
        "abc, acb, 1",
        "abc, abd, 1",
        "abc, xabc, 1",
        "kitten, sitting, 3"
    })
    void distance(String a, String b, int distance) {
        assertEquals(distance, Spelling.distance(a, b));
    }
}
