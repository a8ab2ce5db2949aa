package mdev.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * Receives uevents. Registered as a service by any bundle; the core finds it. A listener receives every event that is
 * delivered after its registration; a listener registered before the core starts receives all events of the core, from
 * SEQNUM 1 on.
 *
 * <p>One thread calls all listeners, in the order of SEQNUM: a listener that blocks delays the others and should hand
 * lengthy work to another thread.
 */
@ConsumerType
@FunctionalInterface
public interface UeventListener {
    void uevent(Uevent event);
}
