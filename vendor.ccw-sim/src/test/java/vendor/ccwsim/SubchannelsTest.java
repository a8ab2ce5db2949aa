package vendor.ccwsim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.annotation.Annotation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellResult;
import mdev.core.Module;
import mdev.core.slot.ForeignBundle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vendor.ccwsim.shell.CcwCommands;
import vendor.ccwsim.subchannel.Consoles;
import vfio.mdev.Await;
import vfio.mdev.CorePlatform;
import vfio.mdev.ShellRun;

/** The parents of the bundle, those of its configuration, and its command, on the real core. */
class SubchannelsTest {
    private static final String PARENTS = "/sys/devices/virtual/vfio_ccw/";

    private final Consoles consoles = new Consoles();
    private final CorePlatform platform;
    private final Module module;

    @TempDir
    Path directory;

    SubchannelsTest() throws ErrnoException {
        platform = new CorePlatform();
        module = platform.core.module(new ForeignBundle("vendor.ccw-sim", "1.0.0", 100));
    }

    @AfterEach
    void close() {
        platform.close();
    }

    /** The properties of a configuration, as DS presents them. */
    private record Properties(String name, String device, int size, String file) implements PluggedSubchannel.Config {
        @Override
        public Class<? extends Annotation> annotationType() {
            return PluggedSubchannel.Config.class;
        }
    }

    private PluggedSubchannel plugIn(String name, String device, int size, String file) {
        var plugged = new PluggedSubchannel(module, consoles);
        plugged.plugIn(new Properties(name, device, size, file));
        return plugged;
    }

    private boolean exists(String name) {
        return platform.exists(PARENTS + name);
    }

    private UUID create(String name) throws ErrnoException {
        UUID uuid = UUID.randomUUID();
        platform.write(PARENTS + name + "/mdev_supported_types/vfio_ccw-io/create", uuid.toString());
        return uuid;
    }

    @Test
    void bundleHasAConsoleAndADisk() throws ErrnoException {
        var sim = new CcwSim(module, consoles);
        sim.plugIn();
        create("0.0.0009");
        create("0.0.0040");
        assertEquals(1, consoles.names().size());
        sim.unplug();
        assertFalse(exists("0.0.0009"));
        assertFalse(exists("0.0.0040"));
        assertEquals(0, consoles.names().size());
    }

    @Test
    void configurationPlugsASubchannelInAndUnplugsIt() throws Exception {
        PluggedSubchannel console = plugIn("0.0.0042", "console", 1, "");
        PluggedSubchannel disk = plugIn("fe.3.ffff", "disk", 8, "");
        Path file = Files.write(directory.resolve("disk"), new byte[1024]);
        PluggedSubchannel onFile = plugIn("0.1.0001", "disk", 1, file.toString());
        create("0.0.0042");
        create("fe.3.ffff");
        create("0.1.0001");
        assertEquals(1, consoles.names().size());
        console.unplug();
        disk.unplug();
        onFile.unplug();
        assertFalse(exists("0.0.0042") || exists("fe.3.ffff") || exists("0.1.0001"));
        PluggedSubchannel again = plugIn("0.1.0001", "disk", 1, file.toString());
        assertTrue(exists("0.1.0001"), "the file was unlocked");
        again.unplug();
    }

    @ParameterizedTest
    @CsvSource({
        "'', disk, 1, ''",
        "42, disk, 1, ''",
        "0.4.0042, disk, 1, ''",
        "00.0.0042, disk, 1, ''",
        "0.0.42, disk, 1, ''",
        "0.0.004G, disk, 1, ''",
        "0.0.0042, tape, 1, ''",
        "0.0.0042, disk, 0, ''",
        "0.0.0042, disk, 9, ''",
        "0.0.0042, disk, 1, relative",
        "0.0.0042, disk, 1, /no/such/file"
    })
    void invalidConfigurationPlugsNothingIn(String name, String device, int size, String file) {
        PluggedSubchannel none = plugIn(name, device, size, file);
        assertFalse(exists("0.0.0042"));
        none.unplug();
    }

    @Test
    void fileOfAnotherDiskIsRefused() throws Exception {
        Path file = Files.write(directory.resolve("disk"), new byte[512]);
        PluggedSubchannel one = plugIn("0.0.0042", "disk", 1, file.toString());
        PluggedSubchannel two = plugIn("0.0.0043", "disk", 1, file.toString());
        assertTrue(exists("0.0.0042"));
        assertFalse(exists("0.0.0043"));
        two.unplug();
        one.unplug();
    }

    @Test
    void subchannelWaitsForItsName() throws Exception {
        Path file = Files.write(directory.resolve("disk"), new byte[512]);
        PluggedSubchannel one = plugIn("0.0.0042", "console", 1, "");
        PluggedSubchannel two = plugIn("0.0.0042", "disk", 1, file.toString());
        try (var _ = platform.core.listen(two)) {
            one.unplug();
            Await.until("the second is plugged in", () -> exists("0.0.0042"));
            two.unplug();
            assertFalse(exists("0.0.0042"));
        }
    }

    @Test
    void commandTypesAndShows() throws Exception {
        PluggedSubchannel plugged = plugIn("0.0.0042", "console", 1, "");
        var commands = new CcwCommands(consoles).commands();
        String uuid = create("0.0.0042").toString();
        assertEquals(ShellResult.DONE, ShellRun.of(uuid, "a line").perform(commands, "console"));
        var shown = assertInstanceOf(ShellResult.Text.class, ShellRun.of(uuid).perform(commands, "console"));
        assertEquals("", shown.text(), "no program has read it");
        refused(Errno.EINVAL, "no-uuid");
        refused(Errno.ENODEV, new UUID(0, 1).toString());
        refused(Errno.EINVAL, uuid, "x".repeat(257));
        plugged.unplug();
        refused(Errno.ENODEV, uuid);
    }

    private void refused(Errno errno, String... arguments) {
        var commands = new CcwCommands(consoles).commands();
        var refusal =
                assertThrows(ErrnoException.class, () -> ShellRun.of(arguments).perform(commands, "console"));
        assertEquals(errno, refusal.errno());
    }
}
