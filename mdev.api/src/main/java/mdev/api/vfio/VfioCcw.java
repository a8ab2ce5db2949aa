package mdev.api.vfio;

/**
 * The fixed indices of a vfio-ccw device ({@code include/uapi/linux/vfio.h}), and the types of its further regions. Its
 * regions from {@link #NUM_REGIONS} on have a {@link RegionCapability.Type}, by which a user finds them; their indices
 * may differ between devices.
 */
public final class VfioCcw {
    /** {@code struct ccw_io_region}. */
    public static final int CONFIG_REGION = 0;

    public static final int NUM_REGIONS = 1;

    public static final int IO_IRQ = 0;
    public static final int CRW_IRQ = 1;
    /** Since Linux 5.11. */
    public static final int REQ_IRQ = 2;

    public static final int NUM_IRQS = 3;

    /** {@code VFIO_REGION_TYPE_CCW}: the type of the regions below. */
    public static final int REGION_TYPE = 2;
    /** {@code struct ccw_cmd_region}: halt and clear. */
    public static final int REGION_SUBTYPE_ASYNC_CMD = 1;
    /** {@code struct ccw_schib_region}. */
    public static final int REGION_SUBTYPE_SCHIB = 2;
    /** {@code struct ccw_crw_region}. */
    public static final int REGION_SUBTYPE_CRW = 3;

    /** The {@code device_api} attribute of a type whose devices follow these indices. */
    public static final String DEVICE_API = "vfio-ccw";

    private VfioCcw() {}
}
