package mdev.api.vfio;

/**
 * An eventfd that stands for a write to a region.
 *
 * @param event the write
 * @param fd a descriptor of this process, which the caller owns; writing 1 to the eventfd makes the write
 */
public record IoEventFd(IoEvent event, int fd) {}
