package mdev.core;

import static mdev.core.LifeCycleTest.assertErrno;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.PciIdentity;
import mdev.api.Registration;
import mdev.api.Uevent;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.sysfs.SysfsNode;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Parents that are PCI devices, as Linux shows a GPU with mediated devices. */
final class PciParentTest {
    private static final PciIdentity GPU = new PciIdentity(0x8086, 0x5912, 0x1028, 0x07a1, 0x030000, 0x04);
    private static final String ADDRESS = "1000:00:02.0";
    private static final String DEVICE = "/sys/devices/pci1000:00/" + ADDRESS;
    private static final String CREATE = DEVICE + "/mdev_supported_types/i915-2/create";

    private final Rig rig = Rig.patient();

    private Registration plug(String address) throws Exception {
        return rig.vendor.registerDevice(new ParentDevice("i915", address, GPU), new TestMtty());
    }

    private List<String> names(String directory) throws Exception {
        return rig.sysfs().lookup(directory, true) instanceof mdev.api.sysfs.SysfsDirectory found
                ? found.children().stream().map(SysfsNode::name).toList()
                : List.of();
    }

    @ParameterizedTest
    @CsvSource({
        "vendor, 0x8086",
        "device, 0x5912",
        "subsystem_vendor, 0x1028",
        "subsystem_device, 0x07a1",
        "class, 0x030000",
        "revision, 0x04",
        "irq, 0",
        "enable, 1",
        "numa_node, -1",
        "modalias, pci:v00008086d00005912sv00001028sd000007A1bc03sc00i00"
    })
    void attributesAreThoseOfLinux(String name, String value) throws Exception {
        plug(ADDRESS);
        assertEquals(value + "\n", rig.read(DEVICE + "/" + name));
        rig.close();
    }

    @Test
    void configurationSpaceIsBytes() throws Exception {
        plug(ADDRESS);
        byte[] config = rig.file(DEVICE + "/config").read();
        assertEquals(256, config.length);
        assertArrayEquals(
                HexFormat.of()
                        .parseHex("86801259000000000400000300000000" + "00".repeat(16) + "000000000000000000000000"
                                + "2810a107" + "00".repeat(16)),
                Arrays.copyOf(config, 64));
        assertErrno(Errno.EACCES, () -> rig.write(DEVICE + "/config", "x"));
        rig.close();
    }

    @Test
    void deviceIsOnItsBus() throws Exception {
        Registration gpu = plug(ADDRESS);
        assertEquals(
                "link 0777 -> ../../../devices/pci1000:00/" + ADDRESS, rig.answer("/sys/bus/pci/devices/" + ADDRESS));
        assertEquals(
                "link 0777 -> ../../../../devices/pci1000:00/" + ADDRESS,
                rig.answer("/sys/bus/pci/drivers/i915/" + ADDRESS));
        assertEquals("link 0777 -> ../../devices/pci1000:00/" + ADDRESS, rig.answer("/sys/class/mdev_bus/" + ADDRESS));
        assertEquals("link 0777 -> ../../../bus/pci", rig.answer(DEVICE + "/subsystem"));
        assertEquals("link 0777 -> ../../../bus/pci/drivers/i915", rig.answer(DEVICE + "/driver"));
        assertFalse(rig.exists("/sys/class/i915"));

        UUID uuid = UUID.randomUUID();
        rig.write(CREATE, uuid.toString());
        assertEquals(
                "link 0777 -> ../../../devices/pci1000:00/" + ADDRESS + "/" + uuid, rig.answer(Rig.DEVICES + uuid));

        gpu.close();
        assertFalse(rig.exists(Rig.DEVICES + uuid));
        assertFalse(rig.exists("/sys/devices/pci1000:00"));
        assertEquals(List.of(), names("/sys/bus/pci/devices"));
        assertEquals(List.of(), names("/sys/bus/pci/drivers"));
        rig.close();
    }

    @Test
    void devicesShareTheirRootBusAndDriver() throws Exception {
        Registration first = plug(ADDRESS);
        Registration second = plug("1000:00:02.1");
        Registration elsewhere = plug("10000:e1:00.0");
        assertEquals(List.of("10000:e1:00.0", "1000:00:02.0", "1000:00:02.1"), names("/sys/bus/pci/drivers/i915"));
        first.close();
        assertEquals(List.of("1000:00:02.1"), names("/sys/devices/pci1000:00"));
        second.close();
        assertFalse(rig.exists("/sys/devices/pci1000:00"));
        assertTrue(rig.exists("/sys/devices/pci10000:e1/10000:e1:00.0"));
        elsewhere.close();
        plug(ADDRESS);
        assertTrue(rig.exists(CREATE));
        rig.close();
    }

    @Test
    void ueventsHaveTheKeysOfLinux() throws Exception {
        String keys = """
                DRIVER=i915
                PCI_CLASS=30000
                PCI_ID=8086:5912
                PCI_SUBSYS_ID=1028:07A1
                PCI_SLOT_NAME=1000:00:02.0
                MODALIAS=pci:v00008086d00005912sv00001028sd000007A1bc03sc00i00
                """;
        Registration gpu = plug(ADDRESS);
        assertEquals(keys, rig.read(DEVICE + "/uevent"));
        gpu.close();
        rig.close(); // delivers the last events
        List<Uevent> events = rig.events().stream()
                .filter(event -> event.devpath().equals("/devices/pci1000:00/" + ADDRESS))
                .toList();
        assertEquals(
                List.of("add", "change", "bind", "change", "unbind", "remove"),
                events.stream().map(Uevent::action).toList());
        assertEquals(
                List.of("registered", "unregistered"),
                events.stream()
                        .map(event -> event.env().get("MDEV_STATE"))
                        .filter(Objects::nonNull)
                        .toList());
        for (Uevent event : events) {
            assertEquals("pci", event.env().get("SUBSYSTEM"));
            boolean hasDriver = List.of("change", "bind").contains(event.action());
            assertEquals(hasDriver, event.env().containsKey("DRIVER"), event::toString);
            keys.lines()
                    .skip(hasDriver ? 0 : 1)
                    .forEach(line -> assertEquals(
                            line.substring(line.indexOf('=') + 1),
                            event.env().get(line.substring(0, line.indexOf('='))),
                            event::toString));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"gpu0", "00:02.0", "1000:00:02", "1000:00:02.8", "1000:00:20.0", "1000:00:2.0", "10:00:02.0"})
    void anotherNameIsRejected(String address) {
        assertErrno(Errno.EINVAL, () -> plug(address));
        assertFalse(rig.exists("/sys/class/mdev_bus/" + address));
        rig.close();
    }

    /** Domains have at least four digits, and no more than they need. */
    @ParameterizedTest
    @CsvSource({
        "0000:00:1f.0,  0000:00:02.0",
        "0000:00:1f.0,  00000000:01:00.0",
        "10000:e0:06.0, 10000:00:02.0",
    })
    void domainOfTheHostIsRejected(String host, String address, @TempDir Path pci) throws Exception {
        Files.createDirectory(pci.resolve(host));
        try (Rig merged = new Rig(Limits.STANDARD, new BoundedCalls("mdev-call"), pci)) {
            ErrnoException e = assertThrows(
                    ErrnoException.class,
                    () -> merged.vendor.registerDevice(new ParentDevice("i915", address, GPU), new TestMtty()));
            String domain = address.substring(0, address.indexOf(':'));
            assertEquals(Errno.EINVAL, e.errno());
            assertEquals("the host has PCI domain " + domain + ": choose another one, such as 1000", e.getMessage());
            merged.vendor.registerDevice(new ParentDevice("i915", ADDRESS, GPU), new TestMtty());
        }
        rig.close();
    }

    @Test
    void addressIsTakenOnce() throws Exception {
        plug(ADDRESS);
        assertErrno(Errno.EEXIST, () -> plug(ADDRESS));
        rig.close();
    }

    @Test
    void entriesOfTheBusAreNotTheVendors() {
        var vendor = new RegistrationTest.Faulty();
        vendor.types = () -> List.of(MdevType.of("2", "two", "vfio-pci", () -> 1));
        vendor.parentGroups =
                () -> List.of(new AttributeGroup("", List.of(Attribute.readOnly("config", () -> "mine\n"))));
        assertErrno(Errno.EEXIST, () -> rig.vendor.registerDevice(new ParentDevice("i915", ADDRESS, GPU), vendor));
        rig.close();
    }
}
