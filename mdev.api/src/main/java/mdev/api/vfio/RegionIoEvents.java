package mdev.api.vfio;

import java.util.List;

/**
 * The writes to a region for which its user may signal an eventfd instead. The framework owns the eventfds: a signal
 * becomes a {@link DeviceOps#write} on a thread of the device's own, so the vendor need not tell the two apart.
 *
 * @param events the most important first: a user may take only some of them; the same as long as the device is open
 */
public record RegionIoEvents(List<IoEvent> events) implements IoctlReply {
    public RegionIoEvents {
        events = List.copyOf(events);
    }
}
