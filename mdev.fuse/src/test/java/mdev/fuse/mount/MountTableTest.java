package mdev.fuse.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MountTableTest {
    @Test
    void findsTheMountsOnADirectory() {
        MountTable table = MountTable.of(List.of(
                "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
                "36 22 0:30 / /run/a\\040b\\134c rw,nosuid shared:7 master:2 - fuse.mdev mdev rw,user_id=0",
                "37 36 0:31 / /run/a\\040b\\134c rw - tmpfs none rw"));

        assertEquals(
                List.of(
                        new MountTable.Entry("0:30", "/run/a b\\c", "fuse.mdev"),
                        new MountTable.Entry("0:31", "/run/a b\\c", "tmpfs")),
                table.at(Path.of("/run/a b\\c")));
        assertEquals(List.of(), table.at(Path.of("/run")));
    }

    /** The kernel knows only bytes, and foreign mounts may have any name. */
    @Test
    void findsNonAsciiNames() {
        String name = new String("/run/Clé".getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        MountTable table = MountTable.of(
                List.of("36 22 0:30 / " + name + " rw - fuse.mdev mdev rw", "37 22 0:31 / /\u00ff rw - tmpfs none rw"));
        assertEquals(List.of(new MountTable.Entry("0:30", name, "fuse.mdev")), table.at(Path.of("/run/Clé")));
    }
}
