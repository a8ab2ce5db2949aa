package mdev.api.vfio;

/**
 * {@code struct vfio_device_info}.
 *
 * @param flags {@link #RESET}, and the one of the others that names the device API
 * @param numRegions the number of regions; indices are below it
 * @param numIrqs the number of interrupt kinds; indices are below it
 */
public record DeviceInfo(int flags, int numRegions, int numIrqs) implements IoctlReply {
    /** The device supports {@link Reset}. */
    public static final int RESET = 1;

    /** The device is a vfio-pci device. */
    public static final int PCI = 1 << 1;

    /** The device is a vfio-platform device. */
    public static final int PLATFORM = 1 << 2;

    /** The device is a vfio-amba device. */
    public static final int AMBA = 1 << 3;

    /** The device is a vfio-ccw device. */
    public static final int CCW = 1 << 4;

    /** The device is a vfio-ap device. */
    public static final int AP = 1 << 5;

    /** The device is a vfio-fsl-mc device. */
    public static final int FSL_MC = 1 << 6;
}
