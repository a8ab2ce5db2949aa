package itests.bench.inside;

import java.util.List;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import mdev.pci.PciDevice;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** A vendor with cheap devices in unlimited number, so that the platform dominates the measurement. */
@Component(service = ManyDevices.class, immediate = true)
public final class ManyDevices implements ParentOps<PciDevice> {
    private static final String IDLE = "idle";

    private final Registration registration;
    private volatile String value = "1";
    private volatile @Nullable BenchCard last;

    @Activate
    public ManyDevices(@Reference ParentRegistry registry) throws ErrnoException {
        registration = registry.registerDevice(new ParentDevice("bench", "bench0"), this);
    }

    @Deactivate
    void exit() {
        registration.close();
    }

    @Override
    public List<MdevType> supportedTypes() {
        return List.of(type("card", "a card with an interrupt"), type(IDLE, "the least card"));
    }

    private static MdevType type(String group, String name) {
        return MdevType.of(group, name, VfioPci.DEVICE_API, () -> Integer.MAX_VALUE);
    }

    /** Of the parent, so that it takes no memory for each device. */
    @Override
    public List<AttributeGroup> deviceAttributeGroups() {
        return List.of(new AttributeGroup(
                "bench",
                List.of(Attribute.readWrite("value", () -> value + "\n", written -> value = written.strip()))));
    }

    @Override
    public PciDevice create(Mdev mdev) {
        if (mdev.typeId().endsWith(IDLE)) {
            return new IdleCard();
        }
        BenchCard card = new BenchCard();
        last = card;
        return card;
    }

    @Override
    public void remove(PciDevice card) {}

    /** The framework's services for the card created last that has an interrupt, and a user. */
    VfioContext opened() throws ErrnoException {
        BenchCard card = last;
        VfioContext user = card == null ? null : card.user();
        if (user == null) {
            throw new ErrnoException(Errno.ENODEV, "no user has opened it");
        }
        return user;
    }
}
