package mdev.core.device;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mdev.api.PciIdentity;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.sysfs.Directory;

/** {@code /sys/bus/pci}, for parents that are PCI devices. Appears with the first of them and stays. */
public final class PciBus {
    /** The entries of a device on the bus. */
    public static final Set<String> ENTRIES = Set.of(
            "class",
            "config",
            "device",
            "driver",
            "enable",
            "irq",
            "modalias",
            "numa_node",
            "resource",
            "revision",
            "subsystem_device",
            "subsystem_vendor",
            "vendor");

    private static final Pattern ADDRESS =
            Pattern.compile("(?<root>(?<domain>[0-9a-f]{4,8}):[0-9a-f]{2}):[01][0-9a-f]\\.[0-7]");

    /** {@code /sys/bus}. */
    private final Directory buses;

    /** {@code /sys/devices}. */
    private final Directory allDevices;

    private final Path host;
    private final Directory bus;
    private final Directory devices;
    private final Directory drivers;

    /** @param host the host's {@code /sys/bus/pci/devices} */
    public PciBus(Directory buses, Directory allDevices, Path host) {
        this.buses = buses;
        this.allDevices = allDevices;
        this.host = host;
        this.bus = new Directory(buses, "pci");
        this.devices = new Directory(bus, "devices");
        this.drivers = new Directory(bus, "drivers");
    }

    /**
     * The place of a device; called inside the change of the tree that adds it.
     *
     * @throws ErrnoException EINVAL: not an address, or in a domain of the host
     */
    public Subsystem slot(String address, String driver, PciIdentity identity) throws ErrnoException {
        Matcher matcher = ADDRESS.matcher(address);
        if (!matcher.matches()) {
            throw new ErrnoException(Errno.EINVAL, "'" + address + "' is not a PCI address such as 1000:00:02.0");
        }
        if (isHosts(matcher.group("domain"))) {
            throw new ErrnoException(
                    Errno.EINVAL,
                    "the host has PCI domain " + matcher.group("domain") + ": choose another one, such as 1000");
        }
        if (buses.child(bus.name()) == null) {
            buses.add(bus);
            bus.add(devices);
            bus.add(drivers);
        }
        return new PciSlot(
                this, existing(allDevices, "pci" + matcher.group("root")), existing(drivers, driver), identity);
    }

    /** A program that sees both trees merged would take such a device for one of the host's, or miss the host's. */
    private boolean isHosts(String domain) {
        String asInNames = "%04x".formatted(Integer.parseUnsignedInt(domain, 16));
        try (DirectoryStream<Path> devices = Files.newDirectoryStream(host, asInNames + ":*")) {
            return devices.iterator().hasNext();
        } catch (IOException e) {
            return false; // the host has no PCI
        }
    }

    private static Directory existing(Directory holder, String name) {
        return holder.child(name) instanceof Directory found ? found : new Directory(holder, name);
    }

    Directory directory() {
        return bus;
    }

    /** {@code /sys/devices}. */
    Directory allDevices() {
        return allDevices;
    }

    Directory drivers() {
        return drivers;
    }

    /** {@code /sys/bus/pci/devices}. */
    Directory devices() {
        return devices;
    }
}
