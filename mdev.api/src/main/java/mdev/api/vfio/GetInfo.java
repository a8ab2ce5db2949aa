package mdev.api.vfio;

/** {@code VFIO_DEVICE_GET_INFO}; replies with {@link DeviceInfo}. */
public record GetInfo() implements IoctlRequest {}
