package mdev.api.vfio;

/**
 * {@code VFIO_DEVICE_GET_IRQ_INFO}; answered by {@link IrqInfo}; EINVAL for an index that the device does not have.
 *
 * @param index the interrupt kind, as a signed view of an unsigned 32-bit number
 */
public record GetIrqInfo(int index) implements IoctlRequest {}
