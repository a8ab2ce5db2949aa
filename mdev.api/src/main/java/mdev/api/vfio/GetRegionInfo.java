package mdev.api.vfio;

/**
 * {@code VFIO_DEVICE_GET_REGION_INFO}; answered by {@link RegionInfo}; EINVAL for an index that the device does not have.
 *
 * @param index the region, as a signed view of an unsigned 32-bit number
 */
public record GetRegionInfo(int index) implements IoctlRequest {}
