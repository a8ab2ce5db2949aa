package mdev.api;

import java.util.Optional;

/**
 * A physical or simulated device that provides mediated devices: the {@code struct device} passed to {@code
 * mdev_register_device()}. A virtual device appears as {@code /sys/devices/virtual/<className>/<name>} and as {@code
 * /sys/class/<className>/<name>}; a PCI device as {@code /sys/devices/pci<domain>:<bus>/<name>} and in {@code
 * /sys/bus/pci}, with the attributes that Linux gives it.
 *
 * @param className the device class or, of a PCI device, the driver; also the prefix of the type ids ({@code
 *     dev_driver_string()})
 * @param name the device's name, unique in its class and among all parents; of a PCI device its address, such as {@code
 *     1000:00:02.0}, in a domain that the host does not have
 * @param pci of a PCI device
 */
public record ParentDevice(String className, String name, Optional<PciIdentity> pci) {
    /** A virtual device. */
    public ParentDevice(String className, String name) {
        this(className, name, Optional.empty());
    }

    /** A PCI device. */
    public ParentDevice(String driver, String address, PciIdentity identity) {
        this(driver, address, Optional.of(identity));
    }
}
