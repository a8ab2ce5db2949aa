package mdev.core.bus;

import mdev.api.sysfs.Attribute;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;

/**
 * {@code /sys/kernel/iommu_groups/<number>}: the group of one device, from its driver's probe to the end of the
 * driver's remove.
 */
final class IommuGroup extends Directory {
    private final int number;
    private final BusDevice device;

    IommuGroup(IommuGroups holder, int number, BusDevice device) {
        super(holder, Integer.toString(number));
        this.number = number;
        this.device = device;
    }

    int number() {
        return number;
    }

    @Override
    protected void contents(Contents contents) {
        contents.directory("devices", devices -> devices.link(device.name(), device));
        contents.file(Attribute.readOnly("reserved_regions", () -> ""));
        contents.file(Attribute.readOnly("type", () -> "unknown\n"));
    }
}
