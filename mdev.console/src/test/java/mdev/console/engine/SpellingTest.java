package mdev.console.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
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
        "lx,          felix:lb sysfs:ls",
        "modprob,     mdev:modprobe",
        "frobnicate,  ''",
    })
    void nearest(String typed, String meant) {
        assertEquals(meant, String.join(" ", Spelling.nearest(typed, COMMANDS)));
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
