package mdev.api.vfio;

import java.util.List;

/** A capability of a region ({@code struct vfio_info_cap_header} and the data that follows it). */
public sealed interface RegionCapability {
    /**
     * {@code VFIO_REGION_INFO_CAP_SPARSE_MMAP}: the parts of the region that a user may map.
     *
     * @param areas the parts: page aligned, in ascending order, without overlap
     */
    record SparseMmap(List<Area> areas) implements RegionCapability {
        public SparseMmap {
            areas = List.copyOf(areas);
        }
    }

    /**
     * {@code VFIO_REGION_INFO_CAP_TYPE}: the purpose of a region beyond those with a fixed index.
     *
     * @param type the class of the region, such as {@link VfioCcw#REGION_TYPE}, or a PCI vendor id with bit 31
     *     set
     * @param subtype the subtype within that class
     */
    record Type(int type, int subtype) implements RegionCapability {}

    /**
     * A part of a region.
     *
     * @param offset the offset from the start of the region in bytes
     * @param size the size in bytes
     */
    record Area(long offset, long size) {}
}
