package mdev.pci;

import mdev.api.vfio.VfioContext;
import mdev.device.Region;

/** A region that learns whether the device may access the guest's memory. */
public interface BusMasterRegion extends Region {
    /**
     * The guest has set or cleared Bus Master Enable, or a reset has cleared it. Once it is clear, the accesses to the
     * guest's memory through the {@link VfioContext} have ended, and further ones fail with EACCES. The vendor must not
     * access that memory directly (a pinned page, a mapped range) after this method has returned.
     */
    void busMaster(boolean enabled);
}
