package mdev.core;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/** The checks of an update before it releases the old version's objects. */
final class UpdateChecks {
    private UpdateChecks() {}

    /** @throws ErrnoException EBUSY: a device is not active, or is in use and has no state */
    static void requireReady(Module module, List<MdevDevice> all) throws ErrnoException {
        for (MdevDevice device : all) {
            if (!device.isActive()) {
                throw new ErrnoException(Errno.EBUSY, "device " + device.uuid() + " is " + device.stateName());
            }
        }
        String used = all.stream()
                .filter(device -> !device.vendor().isStateful())
                .flatMap(device -> device.user().map(user -> device.uuid() + " by " + user).stream())
                .collect(Collectors.joining(", "));
        if (!used.isEmpty()) {
            throw new ErrnoException(
                    Errno.EBUSY, module.name() + " cannot save the state of its devices in use: " + used);
        }
    }

    /**
     * @param readable the versions that the new version of the bundle reads; empty if it declares none
     * @throws ErrnoException EINVAL: a state has another version
     */
    static void requireReadable(Map<MdevDevice, Optional<DeviceState>> states, Set<Long> readable)
            throws ErrnoException {
        for (var saved : states.entrySet()) {
            Optional<DeviceState> state = saved.getValue();
            if (state.isPresent()
                    && !readable.isEmpty()
                    && !readable.contains((long) state.get().version())) {
                throw new ErrnoException(
                        Errno.EINVAL,
                        "the state of device %s has version %d, and the new version reads only %s"
                                .formatted(saved.getKey().uuid(), state.get().version(), new TreeSet<>(readable)));
            }
        }
    }
}
