package mdev.api.vfio;

/**
 * {@code VFIO_DEVICE_GET_IRQ_INFO}; replies with {@link IrqInfo}; EINVAL: the device does not have the index.
 *
 * @param index the interrupt kind, as a signed view of an unsigned 32-bit number
 */
public record GetIrqInfo(int index) implements IoctlRequest {}
