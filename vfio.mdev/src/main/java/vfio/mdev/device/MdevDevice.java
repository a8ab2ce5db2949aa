package vfio.mdev.device;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.Bundle;
import org.osgi.framework.FrameworkUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.iommu.DeviceDma;
import vfio.mdev.irq.IrqTable;

/**
 * A mediated device from its probe to its removal. It is opened for its first handle and released after its last: the phases go round
 * in one direction, and who finds one of the two vendor calls running waits for it.
 */
public final class MdevDevice {
    private static final Logger LOG = LoggerFactory.getLogger(MdevDevice.class);

    /** CLOSED, OPENING (in the vendor's open), OPEN (there are handles), RELEASING (until the vendor's release has returned), CLOSED. */
    private enum Phase {
        CLOSED,
        OPENING,
        OPEN,
        RELEASING
    }

    private final Mdev mdev;
    private final FaultLog userFaults;
    private final CompletableFuture<Void> quiet = new CompletableFuture<>();

    private final DmaCounters moved = new DmaCounters();

    /** Guards the phase and what belongs to it; never held in a call of vendor or user. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition changed = lock.newCondition();
    private final Set<DeviceHandle> handles = new LinkedHashSet<>();
    private Phase phase = Phase.CLOSED;
    private @Nullable OpenDevice session;
    /** The session that is being released. */
    private @Nullable OpenDevice leaving;

    private boolean removed;

    public MdevDevice(Mdev mdev) {
        this.mdev = mdev;
        this.userFaults = new FaultLog(LOG, "the user of device " + mdev.uuid());
    }

    public String name() {
        return mdev.uuid().toString();
    }

    public Mdev mdev() {
        return mdev;
    }

    /** Whether a handle is open. */
    public boolean isOpen() {
        lock.lock();
        try {
            return !handles.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** What the vendor has moved by DMA calls. */
    public DmaCounters moved() {
        return moved;
    }

    /** The interrupts of the open device; empty when it is not open. */
    public List<IrqTable.KindState> irqs() {
        lock.lock();
        try {
            return session == null ? List.of() : session.irqs.snapshot();
        } finally {
            lock.unlock();
        }
    }

    /** The memory of a device's user. */
    public interface Memory {
        /** @param vendor named in the log when it keeps what it should give back */
        DeviceDma attach(String vendor) throws ErrnoException;
    }

    /**
     * Opens a handle.
     *
     * @param memory what the device is attached to with its first handle
     * @param onLeave runs when the handle is closed by its user, not when it is cut off
     * @throws ErrnoException ENODEV: the device is being removed; EINTR: interrupted while the vendor was busy; else the vendor's errno
     */
    public VfioDevice open(Memory memory, Runnable onLeave) throws ErrnoException {
        lock.lock();
        try {
            awaitSettled();
            if (session != null) {
                return add(session, onLeave);
            }
            phase = Phase.OPENING;
        } finally {
            lock.unlock();
        }
        OpenDevice fresh = openVendor(memory);
        lock.lock();
        try {
            if (!removed) {
                session = fresh;
                phase = Phase.OPEN;
                return add(fresh, onLeave);
            }
            phase = Phase.RELEASING;
            leaving = fresh;
        } finally {
            lock.unlock();
        }
        fresh.shut();
        throw isGoing();
    }

    /** With the lock held: waits while another thread is in the vendor's open or release. */
    private void awaitSettled() throws ErrnoException {
        try {
            while (!removed && (phase == Phase.OPENING || phase == Phase.RELEASING)) {
                changed.await();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR);
        }
        if (removed) {
            throw isGoing();
        }
    }

    /** In phase OPENING. */
    private OpenDevice openVendor(Memory memory) throws ErrnoException {
        try {
            DeviceOps ops = mdev.ops();
            String vendor = vendor(ops);
            OpenDevice fresh = new OpenDevice(
                    name(), ops, memory.attach(vendor), moved, new FaultLog(LOG, vendor), userFaults, this::closed);
            fresh.open();
            return fresh;
        } catch (ErrnoException | RuntimeException | Error e) {
            closed();
            throw e;
        }
    }

    /** What {@link #inspect} asks of a device. */
    public interface Inspection<T> {
        T of(Ioctl device) throws ErrnoException;
    }

    /** The ioctls of a device. */
    public interface Ioctl {
        IoctlReply ioctl(IoctlRequest request) throws ErrnoException;
    }

    /**
     * Asks a device without being its user. One that is open is asked beside its user; else it is opened for the question, with no
     * memory and no interrupts, and who wants to use it meanwhile waits.
     *
     * @throws ErrnoException as {@link #open}, or what the vendor answers
     */
    public <T> T inspect(Inspection<T> what) throws ErrnoException {
        OpenDevice open;
        lock.lock();
        try {
            awaitSettled();
            open = session;
            if (open != null && !open.gate.enter()) {
                throw isGoing();
            }
            if (open == null) {
                phase = Phase.OPENING;
            }
        } finally {
            lock.unlock();
        }
        if (open != null) {
            try {
                return what.of(open::ioctl);
            } finally {
                open.gate.leave();
            }
        }
        OpenDevice fresh = openVendor(_ -> DeviceDma.none());
        try {
            return what.of(fresh::ioctl);
        } finally {
            fresh.shut(); // ends in closed()
        }
    }

    private DeviceHandle add(OpenDevice session, Runnable onLeave) {
        DeviceHandle handle = new DeviceHandle(this, session, onLeave);
        handles.add(handle);
        return handle;
    }

    /** Removed, and nobody is in the vendor. */
    private void gone() {
        quiet.complete(null);
    }

    private static ErrnoException isGoing() {
        return new ErrnoException(Errno.ENODEV, "the device is being removed");
    }

    private String vendor(Object ops) {
        Bundle bundle = FrameworkUtil.getBundle(ops.getClass());
        String name = bundle == null ? ops.getClass().getName() : bundle.getSymbolicName();
        return "%s (parent %s, device %s)".formatted(name, mdev.parent().name(), mdev.uuid());
    }

    void close(DeviceHandle handle) {
        OpenDevice last = null;
        lock.lock();
        try {
            if (!handles.remove(handle)) {
                return; // cut off
            }
            if (handles.isEmpty()) {
                last = takeSession();
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (last != null) {
            last.shut();
        }
        handle.onLeave().run();
    }

    /** With the lock held: the phase after the last handle is gone. */
    private @Nullable OpenDevice takeSession() {
        OpenDevice last = session;
        session = null;
        if (last != null) {
            phase = Phase.RELEASING;
            leaving = last;
        }
        return last;
    }

    /** The vendor's release has returned, or its open has thrown. */
    private void closed() {
        boolean done;
        lock.lock();
        try {
            phase = Phase.CLOSED;
            leaving = null;
            done = removed;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (done) {
            gone();
        }
    }

    /**
     * Removes the device: no handle opens any more; a user who listens is asked and waited for; then the handles are cut off. When this returns no
     * call enters the vendor any more.
     *
     * @param ask how long to wait for a user who was asked
     */
    public void remove(Teardown time, Duration ask) {
        boolean unused;
        lock.lock();
        try {
            removed = true;
            unused = phase == Phase.CLOSED;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (unused) {
            gone();
            return;
        }
        ask(time, ask);
        cut();
        if (!time.await(quiet)) {
            LOG.warn(
                    "device {}: the driver of {} has not let go of it; left behind",
                    name(),
                    mdev.parent().name());
        }
    }

    /** Takes the user's memory from a vendor that does not come back; if it has, nothing is left to take. */
    public void detach() {
        OpenDevice late;
        lock.lock();
        try {
            late = leaving;
        } finally {
            lock.unlock();
        }
        if (late != null) {
            late.detach();
        }
    }

    /** Completes when the device is removed and no call is left in the vendor. */
    public CompletionStage<Void> quiet() {
        return quiet.minimalCompletionStage();
    }

    /** The REQ interrupt, and its form in this process ({@code vfio_del_group_dev()} calls it request). */
    private void ask(Teardown time, Duration patience) {
        List<Runnable> listeners;
        OpenDevice open;
        lock.lock();
        try {
            open = session;
            listeners = handles.stream()
                    .map(DeviceHandle::request)
                    .filter(Objects::nonNull)
                    .toList();
        } finally {
            lock.unlock();
        }
        boolean heard = open != null && (!listeners.isEmpty() || open.irqs.armed(VfioPci.REQ_IRQ, 0));
        if (open == null || !heard) {
            return;
        }
        Teardown.start("vfio-request-" + name(), () -> {
            open.irqs.trigger(VfioPci.REQ_IRQ, 0);
            for (Runnable listener : listeners) {
                try {
                    listener.run();
                } catch (RuntimeException e) {
                    userFaults.report("a removal request", e);
                }
            }
        });
        awaitLeave(Math.min(time.nanosLeft(), patience.toNanos()));
    }

    private void awaitLeave(long nanos) {
        lock.lock();
        try {
            while (!handles.isEmpty() && nanos > 0) {
                nanos = changed.awaitNanos(nanos);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }

    private void cut() {
        OpenDevice last;
        lock.lock();
        try {
            handles.clear();
            last = takeSession();
        } finally {
            lock.unlock();
        }
        if (last != null) {
            LOG.info("device {}: removed while open, its user is cut off", name());
            last.refuse();
            // The triggers and the vendor's release are foreign code, which may hang.
            Teardown.start("vfio-release-" + name(), last::letGo);
        }
    }
}
