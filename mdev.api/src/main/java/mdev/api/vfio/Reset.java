package mdev.api.vfio;

/** {@code VFIO_DEVICE_RESET}: restores the power-on state; replies with {@link IoctlReply#DONE}. */
public record Reset() implements IoctlRequest {}
