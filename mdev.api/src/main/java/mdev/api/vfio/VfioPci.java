package mdev.api.vfio;

/** The fixed indices of a vfio-pci device ({@code include/uapi/linux/vfio.h}). */
public final class VfioPci {
    public static final int BAR0_REGION = 0;
    public static final int BAR1_REGION = 1;
    public static final int BAR2_REGION = 2;
    public static final int BAR3_REGION = 3;
    public static final int BAR4_REGION = 4;
    public static final int BAR5_REGION = 5;
    public static final int ROM_REGION = 6;
    public static final int CONFIG_REGION = 7;
    public static final int VGA_REGION = 8;
    public static final int NUM_REGIONS = 9;

    public static final int INTX_IRQ = 0;
    public static final int MSI_IRQ = 1;
    public static final int MSIX_IRQ = 2;
    public static final int ERR_IRQ = 3;
    public static final int REQ_IRQ = 4;
    public static final int NUM_IRQS = 5;

    /** The {@code device_api} attribute of a type whose devices follow these indices. */
    public static final String DEVICE_API = "vfio-pci";

    private VfioPci() {}
}
