package vfio.mdev.container;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import mdev.api.vfio.IommuDriver;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;

/** The registered back-ends: the kernel's {@code vfio.iommu_drivers_list}. */
@Component(service = IommuDrivers.class)
public final class IommuDrivers {
    private final List<IommuDriver> drivers = new CopyOnWriteArrayList<>();

    @Reference(cardinality = ReferenceCardinality.AT_LEAST_ONE, policy = ReferencePolicy.DYNAMIC)
    public void addDriver(IommuDriver driver) {
        drivers.addFirst(driver);
    }

    public void removeDriver(IommuDriver driver) {
        drivers.remove(driver);
    }

    /** In reverse order of registration. */
    Iterable<IommuDriver> newestFirst() {
        return drivers;
    }
}
