package mdev.api;

import java.util.Set;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** Updates of vendor bundles while their devices are in use: a service of the core for the platform's console. */
@ProviderType
public interface LiveUpdates {
    /**
     * Delays the calls of the module's parents and devices, saves the state of each device, and releases the vendor's
     * objects. From then until the update has ended, the bundle may be stopped, updated and started: its parents, types
     * and devices stay in the tree, and the devices stay with their users.
     *
     * @param bundleId the bundle of the module
     * @param states the versions of devices' states ({@link mdev.api.state.StatefulDevice#stateVersion}) that the next
     *     version of the bundle declares to read; empty if it declares none, and only its restore checks them
     * @return the update; the caller ends it
     * @throws ErrnoException EBUSY: a device in use has no {@link mdev.api.state.StatefulDevice} (the message names the
     *     devices), a call has not returned in time, or another update is in progress; EINVAL: the next version does
     *     not read the state of a device; EOPNOTSUPP: the bundle is not a loaded vendor: it is the core, has a bus
     *     driver, or is not a module; ETIMEDOUT: a call of the vendor hangs, and calls for its device fail with EAGAIN
     *     until it returns; else the vendor's errno. After a failure the old version continues
     */
    LiveUpdate begin(long bundleId, Set<Long> states) throws ErrnoException;
}
