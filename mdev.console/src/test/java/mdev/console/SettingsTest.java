package mdev.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import mdev.console.Settings.Mode;
import org.junit.jupiter.api.Test;

class SettingsTest {
    @Test
    void startsAShellWithoutArguments() {
        Map<String, String> none = Map.of();
        assertEquals(
                new Settings(Mode.SHELL, "", Path.of("/run/mdev"), false, List.of(), List.of()),
                Settings.of(none::get));
    }

    @Test
    void parsesAllSettings() {
        Map<String, String> all = Map.of(
                "mdev.mode", "command",
                "mdev.command", "list",
                "mdev.run", "/tmp/r",
                "mdev.mount", "/tmp/r/sys",
                "mdev.load", " mtty, ,gpu_sim ",
                "mdev.leftovers", "tmp:lock");
        assertEquals(
                new Settings(
                        Mode.COMMAND,
                        "list",
                        Path.of("/tmp/r"),
                        true,
                        List.of("mtty", "gpu_sim"),
                        List.of(Path.of("/tmp/r/tmp"), Path.of("/tmp/r/lock"))),
                Settings.of(all::get));
    }

    @Test
    void rejectsAnUnknownMode() {
        Map<String, String> wrong = Map.of("mdev.mode", "daemon");
        assertEquals(
                "no mode 'daemon': shell, command, serve",
                assertThrows(IllegalArgumentException.class, () -> Settings.of(wrong::get))
                        .getMessage());
    }
}
