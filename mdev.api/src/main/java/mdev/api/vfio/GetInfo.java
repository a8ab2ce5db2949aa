package mdev.api.vfio;

/** {@code VFIO_DEVICE_GET_INFO}; answered by {@link DeviceInfo}. */
public record GetInfo() implements IoctlRequest {}
