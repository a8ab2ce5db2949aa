package vfio.mdev;

import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDeviceListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.group.Group;

/** A device that is bound to the driver, with the listeners that were notified of it. */
final class BoundDevice {
    private static final Logger LOG = LoggerFactory.getLogger(BoundDevice.class);

    private final String name;
    private final Group group;
    private final Vfio vfio;

    /** The monitor guards both and serializes the calls of each listener for this device. */
    private final Set<VfioDeviceListener> told = new LinkedHashSet<>();

    private boolean going;

    BoundDevice(String name, Group group, Vfio vfio) {
        this.name = name;
        this.group = group;
        this.vfio = vfio;
    }

    Group group() {
        return group;
    }

    /**
     * @param registered the registered listeners: evaluated here, so that a listener unregistered in the meantime is
     *     not notified
     */
    synchronized void added(VfioDeviceListener listener, Collection<VfioDeviceListener> registered) {
        if (!going && registered.contains(listener) && told.add(listener)) {
            call(listener, () -> listener.added(name, group.number(), vfio));
        }
    }

    synchronized void removing() {
        going = true;
        each(listener -> listener.removing(name));
    }

    synchronized void removed() {
        each(listener -> listener.removed(name));
        told.clear();
    }

    /** Stops notifying the listener. */
    synchronized void forget(VfioDeviceListener listener) {
        told.remove(listener);
    }

    private void each(Consumer<VfioDeviceListener> event) {
        List.copyOf(told).forEach(listener -> call(listener, () -> event.accept(listener)));
    }

    /** Listener failures are logged and ignored. */
    private void call(VfioDeviceListener listener, Runnable event) {
        try {
            event.run();
        } catch (RuntimeException | Error e) {
            LOG.error("device {}: {} failed", name, listener.getClass().getName(), e);
        }
    }
}
