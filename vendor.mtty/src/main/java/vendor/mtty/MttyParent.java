package vendor.mtty;

import java.util.List;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.VfioPci;

/** The simulated card that owns the ports: the types share 24. */
final class MttyParent implements ParentOps<MttyDevice> {
    static final ParentDevice DEVICE = new ParentDevice("mtty", "mtty");

    private static final int MAX_PORTS = 24;

    private final PortPool pool = new PortPool(MAX_PORTS);

    @Override
    public List<MdevType> supportedTypes() {
        return MttyType.ALL.stream()
                .map(type ->
                        MdevType.of(type.group(), type.label(), VfioPci.DEVICE_API, () -> pool.free() / type.ports()))
                .toList();
    }

    @Override
    public List<AttributeGroup> deviceAttributeGroups() {
        return group("mtty_dev", "sample_mtty_dev", "This is phy device\n");
    }

    @Override
    public List<AttributeGroup> mdevAttributeGroups(MttyDevice device) {
        return group("vendor", "sample_mdev_dev", "This is MDEV " + device.uuid() + "\n");
    }

    private static List<AttributeGroup> group(String name, String attribute, String content) {
        return List.of(new AttributeGroup(name, List.of(Attribute.readOnly(attribute, () -> content))));
    }

    @Override
    public MttyDevice create(Mdev mdev) throws ErrnoException {
        var type = MttyType.ALL.stream()
                .filter(candidate -> candidate.group().equals(mdev.type().group()))
                .findFirst()
                .orElseThrow(() -> new ErrnoException(Errno.EINVAL));
        pool.take(type.ports());
        return new MttyDevice(mdev.uuid(), type);
    }

    @Override
    public void remove(MttyDevice device) {
        pool.give(device.type().ports());
    }
}
