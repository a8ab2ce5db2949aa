package mdev.core.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import mdev.api.PciIdentity;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;

/**
 * The place of one PCI device ({@code drivers/pci/pci-sysfs.c}, {@code pci_uevent()}). The driver is bound to it as
 * long as it exists: its probe registers the parent, its remove unregisters it ({@code drivers/base/dd.c}).
 */
final class PciSlot implements Subsystem {
    private static final int CONFIG_SIZE = 256;

    /** Six BARs, the ROM, and six windows of a bridge: none. */
    private static final int RESOURCES = 13;

    private final PciBus bus;
    private final Directory root;
    private final Directory driver;
    private final PciIdentity identity;

    /** Set by {@link #add}. */
    private String address = "";

    /** From {@code really_probe()} to {@code __device_release_driver()}: {@code dev->driver} is set. */
    private volatile boolean hasDriver;

    /** The directories of the root bus and of the driver are added with the first device, and removed with the last. */
    PciSlot(PciBus bus, Directory root, Directory driver, PciIdentity identity) {
        this.bus = bus;
        this.root = root;
        this.driver = driver;
        this.identity = identity;
    }

    @Override
    public String name() {
        return bus.directory().name();
    }

    @Override
    public Directory directory() {
        return bus.directory();
    }

    @Override
    public Directory place() {
        return root;
    }

    @Override
    public void add(SubsystemDevice device) throws ErrnoException {
        address = device.name();
        if (root.child(address) != null) {
            throw new ErrnoException(Errno.EEXIST, "there is a PCI device " + address + " already");
        }
        addFirst(bus.allDevices(), root);
        addFirst(bus.drivers(), driver);
        root.add(device);
        bus.devices().link(address, device);
        device.uevent("add");
        hasDriver = true;
        driver.link(address, device);
        device.link("driver", driver);
    }

    @Override
    public void bound(SubsystemDevice device) {
        device.uevent("bind");
    }

    private static void addFirst(Directory holder, Directory directory) {
        if (holder.child(directory.name()) == null) {
            holder.add(directory);
        }
    }

    @Override
    public void remove(SubsystemDevice device) {
        driver.remove(address);
        device.remove("driver");
        hasDriver = false;
        device.uevent("unbind");
        bus.devices().remove(address);
        device.uevent("remove");
        root.remove(address);
        removeLast(bus.drivers(), driver);
        removeLast(bus.allDevices(), root);
    }

    private static void removeLast(Directory holder, Directory directory) {
        if (directory.children().isEmpty()) {
            holder.remove(directory.name());
        }
    }

    @Override
    public Map<String, String> deviceEnvironment() {
        Map<String, String> keys = new LinkedHashMap<>();
        if (hasDriver) {
            keys.put("DRIVER", driver.name());
        }
        keys.put("PCI_CLASS", "%X".formatted(identity.classCode()));
        keys.put("PCI_ID", "%04X:%04X".formatted(identity.vendor(), identity.device()));
        keys.put("PCI_SUBSYS_ID", "%04X:%04X".formatted(identity.subsystemVendor(), identity.subsystemDevice()));
        keys.put("PCI_SLOT_NAME", address);
        keys.put("MODALIAS", modalias());
        return keys;
    }

    private String modalias() {
        int classCode = identity.classCode();
        return "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X"
                .formatted(
                        identity.vendor(),
                        identity.device(),
                        identity.subsystemVendor(),
                        identity.subsystemDevice(),
                        classCode >> 16,
                        classCode >> 8 & 0xff,
                        classCode & 0xff);
    }

    @Override
    public void deviceContents(Contents contents) {
        number(contents, "vendor", "0x%04x", identity.vendor());
        number(contents, "device", "0x%04x", identity.device());
        number(contents, "subsystem_vendor", "0x%04x", identity.subsystemVendor());
        number(contents, "subsystem_device", "0x%04x", identity.subsystemDevice());
        number(contents, "class", "0x%06x", identity.classCode());
        number(contents, "revision", "0x%02x", identity.revision());
        number(contents, "irq", "%d", 0);
        number(contents, "enable", "%d", 1);
        number(contents, "numa_node", "%d", -1);
        contents.file(Attribute.readOnly("modalias", () -> modalias() + "\n"));
        contents.file(Attribute.readOnly(
                "resource", () -> "0x0000000000000000 0x0000000000000000 0x0000000000000000\n".repeat(RESOURCES)));
        contents.binary("config", this::config);
    }

    private static void number(Contents contents, String name, String format, int value) {
        contents.file(Attribute.readOnly(name, () -> format.formatted(value) + "\n"));
    }

    /** A header of type 0 without BARs, interrupt and capabilities. */
    private byte[] config() {
        ByteBuffer header = ByteBuffer.allocate(CONFIG_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        header.putShort(0x00, (short) identity.vendor());
        header.putShort(0x02, (short) identity.device());
        header.putInt(0x08, identity.classCode() << 8 | identity.revision());
        header.putShort(0x2c, (short) identity.subsystemVendor());
        header.putShort(0x2e, (short) identity.subsystemDevice());
        return header.array();
    }
}
