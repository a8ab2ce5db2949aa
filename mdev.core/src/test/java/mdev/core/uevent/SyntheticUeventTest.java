package mdev.core.uevent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code Documentation/ABI/testing/sysfs-uevent}. */
class SyntheticUeventTest {
    private static final String UUID = "FE4D7C9D-B8C6-4a70-9ef1-3d8a58d18eed";

    static Stream<String> actions() {
        return Stream.of("add", "remove", "change", "move", "online", "offline", "bind", "unbind");
    }

    @ParameterizedTest
    @MethodSource("actions")
    void actionAlone(String action) throws Exception {
        SyntheticUevent expected = new SyntheticUevent(action, Map.of("SYNTH_UUID", "0"));
        for (String end : new String[] {"", "\n", "\0"}) {
            assertEquals(expected, SyntheticUevent.parse(action + end));
        }
    }

    @Test
    void arguments() throws Exception {
        assertEquals(
                new SyntheticUevent("add", Map.of("SYNTH_UUID", UUID)), SyntheticUevent.parse("add " + UUID + "\n"));
        assertEquals(
                Map.of("SYNTH_UUID", UUID, "SYNTH_ARG_A", "1", "SYNTH_ARG_B", "abc"),
                SyntheticUevent.parse("change " + UUID + " A=1 B=abc").more());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\n",
                "ad",
                "addx",
                "ADD",
                "add\n\n",
                "add ",
                "add x",
                "add " + UUID + " ",
                "add " + UUID + " A",
                "add " + UUID + " A=",
                "add " + UUID + " =1",
                "add " + UUID + " A=1  B=2",
                "add " + UUID + " A_B=1"
            })
    void garbage(String value) {
        assertEquals(
                Errno.EINVAL,
                assertThrows(ErrnoException.class, () -> SyntheticUevent.parse(value))
                        .errno());
    }
}
