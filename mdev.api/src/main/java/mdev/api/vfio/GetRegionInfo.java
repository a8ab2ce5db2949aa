package mdev.api.vfio;

/**
 * {@code VFIO_DEVICE_GET_REGION_INFO}; replies with {@link RegionInfo}; EINVAL: the device does not have the index.
 *
 * @param index the region, as a signed view of an unsigned 32-bit number
 */
public record GetRegionInfo(int index) implements IoctlRequest {}
