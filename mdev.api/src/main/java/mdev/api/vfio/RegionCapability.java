package mdev.api.vfio;

import java.util.List;

/** A capability of a region ({@code struct vfio_info_cap_header} and what follows it). */
public sealed interface RegionCapability {
    /**
     * {@code VFIO_REGION_INFO_CAP_SPARSE_MMAP}: the parts of the region that can be mapped.
     *
     * @param areas page aligned, in order, without overlap
     */
    record SparseMmap(List<Area> areas) implements RegionCapability {
        public SparseMmap {
            areas = List.copyOf(areas);
        }
    }

    /**
     * {@code VFIO_REGION_INFO_CAP_TYPE}: what a region beyond the PCI ones is.
     *
     * @param type the class of the region, or a PCI vendor id with bit 31 set
     * @param subtype within that class
     */
    record Type(int type, int subtype) implements RegionCapability {}

    /**
     * A part of a region.
     *
     * @param offset from the region's begin, in bytes
     * @param size in bytes
     */
    record Area(long offset, long size) {}
}
