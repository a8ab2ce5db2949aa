package itests.iommu;

import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuCapability;
import mdev.api.vfio.IommuDriver;
import mdev.api.vfio.IommuGetInfo;
import mdev.api.vfio.IommuInfo;
import mdev.api.vfio.MapDma;
import org.osgi.service.component.annotations.Component;

/**
 * A back-end in a separate bundle: accepts a few mappings of this process's memory and reports how many more it would
 * accept.
 */
@Component
public final class CountingIommu implements IommuDriver {
    private static final Set<Integer> TYPES = Set.of(1000);
    private static final int MOST = 10;

    @Override
    public String name() {
        return "counting";
    }

    @Override
    public Set<Integer> types() {
        return TYPES;
    }

    @Override
    public Iommu open(int type) {
        AtomicInteger avail = new AtomicInteger(MOST);
        return new Iommu() {
            @Override
            public int checkExtension(int extension) {
                return TYPES.contains(extension) ? 1 : 0;
            }

            @Override
            public void attachGroup(int group) {}

            @Override
            public void detachGroup(int group) {}

            @Override
            public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
                return switch (request) {
                    case MapDma _ -> {
                        if (avail.getAndUpdate(left -> Math.max(0, left - 1)) == 0) {
                            throw new ErrnoException(Errno.ENOSPC);
                        }
                        yield IoctlReply.DONE;
                    }
                    case IommuGetInfo _ ->
                        new IommuInfo(
                                IommuInfo.PGSIZES | IommuInfo.CAPS,
                                4096,
                                List.of(new IommuCapability.DmaAvail(avail.get())));
                    default -> throw new ErrnoException(Errno.ENOTTY);
                };
            }

            @Override
            public void release() {}
        };
    }
}
