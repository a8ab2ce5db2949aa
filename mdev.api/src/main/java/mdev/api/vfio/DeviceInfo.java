package mdev.api.vfio;

/**
 * {@code struct vfio_device_info}.
 *
 * @param flags {@link #RESET}, {@link #PCI}
 * @param numRegions the number of regions; indices are below it
 * @param numIrqs the number of interrupt kinds; indices are below it
 */
public record DeviceInfo(int flags, int numRegions, int numIrqs) implements IoctlReply {
    /** The device supports {@link Reset}. */
    public static final int RESET = 1;

    /** The device is a vfio-pci device. */
    public static final int PCI = 1 << 1;
}
