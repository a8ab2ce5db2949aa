package mdev.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * Receives uevents. A service that any bundle may register; the core finds it. It receives every event that is
 * delivered after the registration: one that is registered before the core starts receives all events of the core, from
 * SEQNUM 1 on.
 *
 * <p>One thread calls all listeners, in the order of SEQNUM: a listener that blocks delays the others, so hand over
 * what takes time.
 */
@ConsumerType
@FunctionalInterface
public interface UeventListener {
    void uevent(Uevent event);
}
