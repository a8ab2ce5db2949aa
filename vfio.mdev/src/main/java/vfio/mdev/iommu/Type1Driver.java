package vfio.mdev.iommu;

import java.util.Set;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuDriver;
import mdev.api.vfio.VfioContainer;
import mdev.sync.BoundedCalls;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import vfio.mdev.iommu.memory.UserMemories;

/** The back-end used by nearly every VFIO user ({@code vfio_iommu_driver_ops_type1}). */
@Component
public final class Type1Driver implements IommuDriver {
    private static final Set<Integer> TYPES =
            Set.of(VfioContainer.TYPE1_IOMMU, VfioContainer.TYPE1V2_IOMMU, VfioContainer.TYPE1_NESTING_IOMMU);

    private final UserMemories memories;
    private final BoundedCalls notifierCalls = new BoundedCalls("vfio-notifier").withReserve();

    @Activate
    public Type1Driver(@Reference UserMemories memories) {
        this.memories = memories;
    }

    /** A container released later still notifies its vendors. */
    @Deactivate
    void close() {
        notifierCalls.close();
    }

    @Override
    public String name() {
        return "vfio-iommu-type1";
    }

    @Override
    public Set<Integer> types() {
        return TYPES;
    }

    @Override
    public int checkExtension(int extension) {
        return checkExtension(extension, false);
    }

    /**
     * {@code vfio_iommu_type1_check_extension()}. Without hardware, all DMA is coherent: DMA_CC is supported once an
     * address space exists.
     */
    static int checkExtension(int extension, boolean open) {
        return switch (extension) {
            case VfioContainer.DMA_CC_IOMMU -> open ? 1 : 0;
            case VfioContainer.UNMAP_ALL -> 1;
            default -> TYPES.contains(extension) ? 1 : 0;
        };
    }

    @Override
    public Iommu open(int type) throws ErrnoException {
        return switch (type) {
            case VfioContainer.TYPE1_IOMMU -> iommu("type1", false);
            case VfioContainer.TYPE1V2_IOMMU -> iommu("type1v2", true);
            case VfioContainer.TYPE1_NESTING_IOMMU -> iommu("type1 nesting", true);
            default -> throw new ErrnoException(Errno.EINVAL);
        };
    }

    private Iommu iommu(String name, boolean v2) {
        return new Type1Iommu(name, v2, memories, notifierCalls);
    }
}
