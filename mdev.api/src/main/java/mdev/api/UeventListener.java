package mdev.api;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * Receives uevents; a service that any bundle may register. One thread calls all listeners, in the order of SEQNUM: one that blocks delays
 * the others, so hand over what takes time.
 */
@ConsumerType
@FunctionalInterface
public interface UeventListener {
    void uevent(Uevent event);
}
