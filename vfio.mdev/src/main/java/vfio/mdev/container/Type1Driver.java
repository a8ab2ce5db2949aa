package vfio.mdev.container;

import java.util.Set;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuDriver;
import mdev.api.vfio.VfioContainer;
import org.osgi.service.component.annotations.Component;

/** The back-end of nearly every VFIO user ({@code drivers/vfio/vfio_iommu_type1.c}): it can be selected, and knows no request of its own. */
@Component
public final class Type1Driver implements IommuDriver {
    private static final Set<Integer> TYPES =
            Set.of(VfioContainer.TYPE1_IOMMU, VfioContainer.TYPE1V2_IOMMU, VfioContainer.TYPE1_NESTING_IOMMU);

    @Override
    public String name() {
        return "vfio-iommu-type1";
    }

    @Override
    public Set<Integer> types() {
        return TYPES;
    }

    @Override
    public Iommu open(int type) throws ErrnoException {
        if (!TYPES.contains(type)) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return new Type1();
    }

    private static final class Type1 implements Iommu {
        @Override
        public int checkExtension(int extension) {
            // Mediated devices have no IOMMU behind them that could be incoherent (vfio_domains_have_iommu_cache()).
            return extension == VfioContainer.DMA_CC_IOMMU || TYPES.contains(extension) ? 1 : 0;
        }

        @Override
        public void attachGroup(int group) {}

        @Override
        public void detachGroup(int group) {}

        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            throw new ErrnoException(Errno.ENOTTY);
        }

        @Override
        public void release() {}
    }
}
