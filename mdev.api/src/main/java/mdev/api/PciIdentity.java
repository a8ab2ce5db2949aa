package mdev.api;

/**
 * What the configuration space of a PCI device says about it (PCI Local Bus Specification 3.0, 6.2.1 and 6.2.4).
 *
 * @param vendor 16 bits, as the next three
 * @param classCode base class, subclass and programming interface: 24 bits
 * @param revision 8 bits
 */
public record PciIdentity(
        int vendor, int device, int subsystemVendor, int subsystemDevice, int classCode, int revision) {
    /** @throws IllegalArgumentException a number has more bits */
    public PciIdentity {
        if (((vendor | device | subsystemVendor | subsystemDevice) & ~0xffff) != 0
                || (classCode & ~0xffffff) != 0
                || (revision & ~0xff) != 0) {
            throw new IllegalArgumentException("a number of a PCI device has too many bits");
        }
    }
}
