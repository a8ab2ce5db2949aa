package vendor.ccwsim.subchannel;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.VfioCcw;

/** The regions of the device ({@code include/uapi/linux/vfio_ccw.h}). */
enum CcwRegion {
    /** {@code struct ccw_io_region}: starts channel programs and returns their status. */
    CONFIG(VfioCcw.CONFIG_REGION, 124, RegionInfo.READ | RegionInfo.WRITE, 0),
    /** {@code struct ccw_cmd_region}: halt and clear. */
    ASYNC_CMD(1, 8, RegionInfo.READ | RegionInfo.WRITE, VfioCcw.REGION_SUBTYPE_ASYNC_CMD),
    /** {@code struct ccw_schib_region}: store subchannel. */
    SCHIB(2, 52, RegionInfo.READ, VfioCcw.REGION_SUBTYPE_SCHIB),
    /** {@code struct ccw_crw_region}: channel report words. */
    CRW(3, 8, RegionInfo.READ, VfioCcw.REGION_SUBTYPE_CRW);

    static final int COUNT = 4;

    private final int index;
    private final int size;
    private final int flags;
    private final int subtype;

    /** @param subtype 0 for a region without type */
    CcwRegion(int index, int size, int flags, int subtype) {
        this.index = index;
        this.size = size;
        this.flags = flags;
        this.subtype = subtype;
    }

    /** @throws ErrnoException EINVAL: no such region */
    static CcwRegion at(int index) throws ErrnoException {
        return switch (index) {
            case VfioCcw.CONFIG_REGION -> CONFIG;
            case 1 -> ASYNC_CMD;
            case 2 -> SCHIB;
            case 3 -> CRW;
            default -> throw new ErrnoException(Errno.EINVAL);
        };
    }

    /**
     * The region of an access.
     *
     * @throws ErrnoException EINVAL: no such region, or the access is not within it
     */
    static CcwRegion at(int index, long offset, int length) throws ErrnoException {
        CcwRegion region = at(index);
        if (offset < 0 || length < 0 || offset > region.size - length) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return region;
    }

    int size() {
        return size;
    }

    RegionInfo info() {
        return subtype == 0
                ? new RegionInfo(index, flags, size)
                : new RegionInfo(
                        index,
                        flags | RegionInfo.CAPS,
                        size,
                        List.of(new RegionCapability.Type(VfioCcw.REGION_TYPE, subtype)));
    }
}
