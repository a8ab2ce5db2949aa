package mdev.fuse.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MountTableTest {
    @Test
    void findsWhatIsOnADirectory() {
        MountTable table = MountTable.of(List.of(
                "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
                "36 22 0:30 / /run/a\\040b\\134c rw,nosuid shared:7 master:2 - fuse.mdev mdev rw,user_id=0",
                "37 36 0:31 / /run/a\\040b\\134c rw - tmpfs none rw"));

        assertEquals(
                List.of(
                        new MountTable.Entry(Path.of("/run/a b\\c"), "fuse.mdev", "mdev"),
                        new MountTable.Entry(Path.of("/run/a b\\c"), "tmpfs", "none")),
                table.at(Path.of("/run/a b\\c")));
        assertEquals(List.of(), table.at(Path.of("/run")));
    }
}
