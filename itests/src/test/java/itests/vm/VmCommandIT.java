package itests.vm;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;

import itests.Mdev;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The error of {@code ./mdev vm} if no VM can start: one line that says what to do. {@link TerminalGuestIT} covers
 * success.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class VmCommandIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String UNKNOWN = "93b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String USAGE = "; usage: ./mdev [--run DIR] vm [--qemu PATH] UUID...";
    private static final String LEAVE_OUT = "; omit --qemu and MDEV_QEMU to use Debian's";

    private final Mdev mdev = Mdev.here();

    private Path temp;
    private Platform platform;

    @BeforeAll
    void start(@TempDir Path temp) throws Exception {
        this.temp = temp;
        platform = Platform.start("--load", "vendor.mtty");
        platform.create("mtty", "mtty-2", UUID);
        program("tools/apt-get", "exit 100");
        program("arm/uname", "echo aarch64");
        program("old/qemu-system-x86_64", "echo QEMU emulator version 7.2.9");
        program("plain", "[ \"$1\" = --version ] && echo 'QEMU emulator version 10.2.0 (mine)'");
    }

    private void program(String name, String script) throws Exception {
        var file = temp.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @AfterAll
    void stop() throws Exception {
        try (var last = platform) {
            last.stop();
        }
    }

    /**
     * In arguments and in the environment, RUN stands for the run directory, TEMP for a directory with the programs
     * above.
     *
     * @param environment the changed variables; a PATH is prepended to the usual one
     */
    record Wrong(Map<String, String> environment, List<String> arguments, int status, String error) {
        Wrong(int status, String error, String... arguments) {
            this(Map.of(), List.of(arguments), status, error);
        }

        static Wrong machine(Map<String, String> environment, String error) {
            return new Wrong(environment, List.of("--run", "RUN", "vm", UUID), 1, error);
        }
    }

    static Stream<Wrong> wrong() {
        return Stream.of(
                new Wrong(2, "no device named" + USAGE, "vm"),
                new Wrong(2, "unknown option '--frob'" + USAGE, "vm", "--frob", UUID),
                new Wrong(2, "--qemu needs a value" + USAGE, "vm", UUID, "--qemu"),
                new Wrong(
                        2,
                        "27 devices: a VM has only 26 slots",
                        Stream.concat(Stream.of("vm"), Collections.nCopies(27, UUID).stream())
                                .toArray(String[]::new)),
                new Wrong(
                        2,
                        "--drop, --load, --mount, --set and --debug apply only when a platform starts:"
                                + " a VM uses a running platform",
                        "--load",
                        "vendor.mtty",
                        "vm",
                        UUID),
                new Wrong(
                        1,
                        "no platform runs on TEMP/none: start one with './mdev --run TEMP/none serve' and"
                                + " create the devices there",
                        "--run",
                        "TEMP/none",
                        "vm",
                        UUID),
                new Wrong(
                        2,
                        "'83b8' is not a UUID; './mdev --run RUN -c mdev:list' lists the devices",
                        "--run",
                        "RUN",
                        "vm",
                        "83b8"),
                new Wrong(
                        1,
                        "no device " + UNKNOWN + " is served on RUN; './mdev --run RUN -c mdev:list' lists the devices",
                        "--run",
                        "RUN",
                        "vm",
                        UUID,
                        UNKNOWN),
                new Wrong(
                        2,
                        "device " + UUID + " is named twice: a device has one user at a time",
                        "--run",
                        "RUN",
                        "vm",
                        UUID,
                        UUID.toUpperCase(Locale.ROOT)),
                new Wrong(
                        1,
                        "TEMP/nope is not a program: vfio-user requires qemu-system-x86_64 version 10.1 or newer"
                                + LEAVE_OUT,
                        "--run",
                        "RUN",
                        "vm",
                        "--qemu",
                        "TEMP/nope",
                        UUID),
                Wrong.machine(
                        Map.of("MDEV_QEMU", "/bin/true"),
                        "/bin/true is not QEMU: vfio-user requires qemu-system-x86_64 version 10.1 or newer"
                                + LEAVE_OUT),
                Wrong.machine(
                        Map.of("MDEV_QEMU", "TEMP/old/qemu-system-x86_64"),
                        "TEMP/old/qemu-system-x86_64 is QEMU 7.2: vfio-user requires 10.1 or newer" + LEAVE_OUT),
                Wrong.machine(
                        Map.of("MDEV_QEMU", "TEMP/plain"),
                        "TEMP/plain was built without the device vfio-user-pci: choose another QEMU" + LEAVE_OUT),
                Wrong.machine(
                        Map.of("PATH", "TEMP/tools:TEMP/old", "XDG_CACHE_HOME", "TEMP/cache"),
                        "cannot fetch QEMU (40 MB): this is not a Debian system with apt sources; use Debian 12 or newer,"
                                + " or pass a QEMU of version 10.1 or newer with --qemu PATH"),
                Wrong.machine(
                        Map.of("PATH", "TEMP/arm:TEMP/old", "XDG_CACHE_HOME", "TEMP/cache"),
                        "VMs require an x86-64 machine: this is aarch64"),
                Wrong.machine(
                        Map.of("PATH", "TEMP/old", "XDG_CACHE_HOME", "/proc/nope"),
                        "cannot write to /proc/nope/mdev: set XDG_CACHE_HOME to a writable directory"));
    }

    private String real(String words) {
        return words.replace("RUN", platform.run().toString()).replace("TEMP", temp.toString());
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void impossibleRequestPrintsOneLine(Wrong wrong) throws Exception {
        var command = mdev.command(wrong.arguments().stream().map(this::real).toArray(String[]::new));
        command.environment().remove("MDEV_QEMU");
        wrong.environment().forEach((name, value) -> {
            var usual = name.equals("PATH") ? ":" + System.getenv("PATH") : "";
            command.environment().put(name, real(value) + usual);
        });
        var process = command.redirectErrorStream(true).start();
        process.getOutputStream().close();
        var output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertAll(
                () -> assertEquals("mdev: " + real(wrong.error()) + "\n", output),
                () -> assertEquals(wrong.status(), process.waitFor()));
    }
}
