package mdev.api.vfio;

import java.util.List;

/**
 * The writes to a region for which its user may signal an eventfd instead. The framework owns the eventfds: a signal
 * becomes a {@link DeviceOps#write} on a separate thread of the device, so the vendor handles both alike.
 *
 * @param events in descending order of importance, because a user may take only some of them; constant while the
 *     device is open
 */
public record RegionIoEvents(List<IoEvent> events) implements IoctlReply {
    public RegionIoEvents {
        events = List.copyOf(events);
    }
}
