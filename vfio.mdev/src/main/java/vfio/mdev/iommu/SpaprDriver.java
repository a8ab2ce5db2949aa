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

/** The back-end for users of POWER's IOMMU ({@code tce_iommu_driver_ops}). */
@Component
public final class SpaprDriver implements IommuDriver {
    static final Set<Integer> TYPES = Set.of(VfioContainer.SPAPR_TCE_IOMMU, VfioContainer.SPAPR_TCE_V2_IOMMU);

    private final UserMemories memories;
    private final BoundedCalls notifierCalls = new BoundedCalls("vfio-notifier").withReserve();

    @Activate
    public SpaprDriver(@Reference UserMemories memories) {
        this.memories = memories;
    }

    /** A container released later still notifies its vendors. */
    @Deactivate
    void close() {
        notifierCalls.close();
    }

    @Override
    public String name() {
        return "iommu-vfio-powerpc";
    }

    @Override
    public Set<Integer> types() {
        return TYPES;
    }

    @Override
    public Iommu open(int type) throws ErrnoException {
        return switch (type) {
            case VfioContainer.SPAPR_TCE_IOMMU -> new SpaprIommu(false, memories, notifierCalls);
            case VfioContainer.SPAPR_TCE_V2_IOMMU -> new SpaprIommu(true, memories, notifierCalls);
            default -> throw new ErrnoException(Errno.EINVAL);
        };
    }
}
