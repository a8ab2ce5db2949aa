package mdev.api.vfio;

import java.util.List;

/**
 * {@code struct vfio_region_info} with its capability chain.
 *
 * @param index the region
 * @param flags {@link #READ}, {@link #WRITE}, {@link #MMAP}; {@link #CAPS} if the region has capabilities
 * @param size the size in bytes; 0 for an absent region
 * @param capabilities the chain, in order
 */
public record RegionInfo(int index, int flags, long size, List<RegionCapability> capabilities) implements IoctlReply {
    public static final int READ = 1;
    public static final int WRITE = 1 << 1;
    public static final int MMAP = 1 << 2;
    public static final int CAPS = 1 << 3;

    public RegionInfo {
        capabilities = List.copyOf(capabilities);
    }

    /** A region without capabilities. */
    public RegionInfo(int index, int flags, long size) {
        this(index, flags, size, List.of());
    }
}
