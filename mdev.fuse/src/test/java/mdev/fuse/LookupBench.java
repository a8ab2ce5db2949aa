package mdev.fuse;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.List;
import java.util.UUID;
import mdev.api.sysfs.SysfsFile;
import org.junit.jupiter.api.Test;

/**
 * The cost of stat(2), and of open(2) with read(2), for another process, also for the first access, with one device and
 * with 10,000. Not part of {@code verify}; run by {@code cnf/bench tree}.
 */
final class LookupBench {
    private static final String TYPE = "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1";
    private static final List<Integer> DEVICES = List.of(1, 10_000);

    /** The benchmark's processes are in Python, whose overhead is the same for all. */
    private static final String MEASURE = """
            exec python3 - <<'PY'
            import os, statistics, time
            def measure(name, call):
                rounds = []
                for _ in range(21):
                    start = time.perf_counter_ns()
                    for _ in range(1000):
                        call()
                    rounds.append((time.perf_counter_ns() - start) / 1e6)
                rounds.sort()
                print(f"{name}: {rounds[10]:.2f} us ({rounds[0]:.2f} to {rounds[-1]:.2f})")
            def read(path):
                fd = os.open(path, os.O_RDONLY)
                os.read(fd, 4096)
                os.close(fd)
            device = "bus/mdev/devices/UUID"
            measure("stat of a device", lambda: os.stat("devices/virtual/mtty/mtty/UUID"))
            measure("stat of a device through its link", lambda: os.stat(device))
            measure("stat of an attribute", lambda: os.stat("devices/virtual/mtty/mtty/UUID/vendor/slow"))
            measure("stat of an attribute that can be written", lambda: os.stat("devices/virtual/mtty/mtty/UUID/vendor/value"))
            measure("open, read, close of an attribute", lambda: read("devices/virtual/mtty/mtty/mdev_supported_types/mtty-1/available_instances"))
            measure("look for what is not there", lambda: os.path.lexists("bus/mdev/devices/nothing"))
            PY
            """;

    @Test
    void measure() throws Exception {
        for (int devices : DEVICES) {
            try (MountedTree tree = new MountedTree(devices)) {
                SysfsFile create = (SysfsFile) tree.core.sysfs().lookup(TYPE + "/create", true);
                for (int i = 0; i < devices; i++) {
                    create.write(new UUID(0, i).toString().getBytes(ISO_8859_1));
                }
                String script = MEASURE.replace("UUID", new UUID(0, devices / 2).toString());
                tree.sh(script); // for the compiler
                System.out.printf("with %,d devices%n%s", devices, tree.sh(script));
            }
        }
    }
}
