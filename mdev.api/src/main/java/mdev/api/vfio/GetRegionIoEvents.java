package mdev.api.vfio;

/**
 * Asks a vendor for the writes to a region for which its user may signal an eventfd instead; replies with {@link
 * RegionIoEvents}. EINVAL: the device does not have the index; ENOTTY: the driver has no such writes.
 *
 * @param index the region, as a signed view of an unsigned 32-bit number
 */
public record GetRegionIoEvents(int index) implements IoctlRequest {}
