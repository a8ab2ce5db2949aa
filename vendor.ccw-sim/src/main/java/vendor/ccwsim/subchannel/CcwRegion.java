package vendor.ccwsim.subchannel;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.VfioCcw;

/** The regions of the device, in the order of their indices ({@code include/uapi/linux/vfio_ccw.h}). */
enum CcwRegion {
    /** {@code struct ccw_io_region}: starts channel programs and returns their status. */
    CONFIG(124, RegionInfo.READ | RegionInfo.WRITE, List.of()),
    /** {@code struct ccw_cmd_region}: halt and clear. */
    ASYNC_CMD(8, RegionInfo.READ | RegionInfo.WRITE, typed(VfioCcw.REGION_SUBTYPE_ASYNC_CMD)),
    /** {@code struct ccw_schib_region}: store subchannel. */
    SCHIB(52, RegionInfo.READ, typed(VfioCcw.REGION_SUBTYPE_SCHIB)),
    /** {@code struct ccw_crw_region}: channel report words. */
    CRW(8, RegionInfo.READ, typed(VfioCcw.REGION_SUBTYPE_CRW));

    private static final List<CcwRegion> ALL = List.of(values());
    static final int COUNT = ALL.size();

    private final int size;
    private final RegionInfo info;

    CcwRegion(int size, int flags, List<RegionCapability> capabilities) {
        this.size = size;
        int chain = capabilities.isEmpty() ? 0 : RegionInfo.CAPS;
        this.info = new RegionInfo(ordinal(), flags | chain, size, capabilities);
    }

    private static List<RegionCapability> typed(int subtype) {
        return List.of(new RegionCapability.Type(VfioCcw.REGION_TYPE, subtype));
    }

    /** @throws ErrnoException EINVAL: no such region */
    static CcwRegion at(int index) throws ErrnoException {
        if (index < 0 || index >= COUNT) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return ALL.get(index);
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
        return info;
    }
}
