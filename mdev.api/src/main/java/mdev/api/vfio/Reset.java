package mdev.api.vfio;

/** {@code VFIO_DEVICE_RESET}: back to the power-on state; answered by {@link IoctlReply#DONE}. */
public record Reset() implements IoctlRequest {}
