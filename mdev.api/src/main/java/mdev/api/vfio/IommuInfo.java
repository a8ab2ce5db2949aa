package mdev.api.vfio;

import java.util.List;

/**
 * {@code struct vfio_iommu_type1_info} with its capability chain.
 *
 * @param flags {@link #PGSIZES}, {@link #CAPS}
 * @param iovaPgsizes a bitmap of the page sizes that can be mapped
 * @param capabilities the chain, in order
 */
public record IommuInfo(int flags, long iovaPgsizes, List<IommuCapability> capabilities) implements IoctlReply {
    public static final int PGSIZES = 1;
    public static final int CAPS = 1 << 1;

    public IommuInfo {
        capabilities = List.copyOf(capabilities);
    }
}
