package mdev.api.vfio;

/**
 * {@code struct vfio_device_info}.
 *
 * @param flags {@link #RESET}, {@link #PCI}
 * @param numRegions regions have the indices below this number
 * @param numIrqs interrupt kinds have the indices below this number
 */
public record DeviceInfo(int flags, int numRegions, int numIrqs) implements IoctlReply {
    /** The device supports {@link Reset}. */
    public static final int RESET = 1;

    /** The device is a vfio-pci device. */
    public static final int PCI = 1 << 1;
}
