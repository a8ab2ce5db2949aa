package mdev.core.bus;

import java.util.BitSet;
import mdev.core.sysfs.Directory;

/** {@code /sys/kernel/iommu_groups}. A new group gets the lowest free number. */
final class IommuGroups extends Directory {
    /** The numbers in use; guarded by the tree's change, as are the directories of the groups. */
    private final BitSet used = new BitSet();

    IommuGroups(Directory holder) {
        super(holder, "iommu_groups");
    }

    /** Creates a group, inside a change of the tree; pairs with {@link #free}. */
    IommuGroup allocate(BusDevice device) {
        int number = used.nextClearBit(0);
        used.set(number);
        IommuGroup group = new IommuGroup(this, number, device);
        add(group);
        return group;
    }

    /** Called inside a change of the tree. */
    void free(IommuGroup group) {
        remove(group.name());
        used.clear(group.number());
    }
}
