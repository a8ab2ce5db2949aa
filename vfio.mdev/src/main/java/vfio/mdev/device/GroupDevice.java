package vfio.mdev.device;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import mdev.api.Mdev;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioDevice;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import mdev.sync.LimitedLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.iommu.DeviceDma;
import vfio.mdev.irq.IrqTable;

/**
 * A mediated device in its VFIO group, from its probe to its removal. It is opened for its first handle and released
 * after its last. The device's {@link Slot} knows whether the vendor is still busy with an earlier user.
 */
public final class GroupDevice {
    private static final Logger LOG = LoggerFactory.getLogger(GroupDevice.class);

    /**
     * How long an open waits for the vendor's release, or for the open of another user. A virtual machine times out
     * after 5 s.
     */
    private static final Duration OPENING = Duration.ofSeconds(4);

    private final Mdev mdev;
    private final Slot slot;
    private final BoundedCalls calls;
    private final RegionSpace space;
    private final FaultLog userFaults;
    private final LimitedLog migrations = new LimitedLog();
    private final DmaCounters moved = new DmaCounters();

    /** The monitor guards this and the fields below; it is never held during a call of the vendor or the user. */
    private final Set<DeviceHandle> handles = new LinkedHashSet<>();

    /** Whether a thread is inside the vendor's open, or inspects the device without a user. */
    private boolean opening;

    private @Nullable OpenDevice session;

    /** The session whose vendor is in open or release: a removal that does not wait for it revokes its memory. */
    private @Nullable OpenDevice inVendor;

    private boolean removed;

    /** The memories of a restored device until its first user opens it. */
    private @Nullable RegionMemories restored;

    /**
     * @param calls runs the calls that may hang while the device is removed
     * @param space bounds the memory of the regions of all devices
     */
    public GroupDevice(Mdev mdev, BoundedCalls calls, RegionSpace space) {
        this.mdev = mdev;
        this.slot = mdev.slot();
        this.calls = calls;
        this.space = space;
        this.userFaults = new FaultLog(LOG, "the user of device " + mdev.uuid());
    }

    public String name() {
        return mdev.uuid().toString();
    }

    public Mdev mdev() {
        return mdev;
    }

    /** Whether a handle is open. */
    public synchronized boolean isOpen() {
        return !handles.isEmpty();
    }

    /** The data that the vendor has moved by DMA calls. */
    public DmaCounters moved() {
        return moved;
    }

    /** The interrupts of the open device; empty when it is not open. */
    public synchronized List<IrqTable.KindState> irqs() {
        return session == null ? List.of() : session.irqs.snapshot();
    }

    /** The memory of a device's user. */
    public interface DmaSource {
        /** @param slot runs the calls of the vendor's notifiers and names the vendor in the log */
        DeviceDma attach(Slot slot) throws ErrnoException;
    }

    /**
     * Opens a handle.
     *
     * @param memory the memory to which the first handle attaches the device
     * @param onLeave runs when the user closes the handle, not when it is revoked
     * @throws ErrnoException ENODEV: the device is being removed; EBUSY: the vendor is still busy with another user;
     *     EINTR: interrupted while waiting for it; else the vendor's errno
     */
    public VfioDevice open(DmaSource memory, Runnable onLeave) throws ErrnoException {
        synchronized (this) {
            awaitOpened();
            if (session != null) {
                return add(session, onLeave);
            }
            opening = true;
        }
        OpenDevice fresh = openVendor(memory, RegionMemories::close);
        synchronized (this) {
            opening = false;
            notifyAll();
            if (!removed) {
                inVendor = null;
                session = fresh;
                return add(fresh, onLeave);
            }
        }
        fresh.shut();
        throw isRemoved();
    }

    /** Called with the monitor held: waits while another thread is opening. */
    private void awaitOpened() throws ErrnoException {
        Deadline deadline = Deadline.in(OPENING);
        try {
            while (!removed && opening) {
                if (!deadline.waitInterruptibly(this)) {
                    throw new ErrnoException(Errno.EBUSY, "the device is being opened by another user");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR);
        }
        if (removed) {
            throw isRemoved();
        }
    }

    /** Called while {@link #opening} is set; clears it only if this call fails. */
    private OpenDevice openVendor(DmaSource memory, Consumer<RegionMemories> onMemories) throws ErrnoException {
        boolean occupied = false;
        try {
            slot.occupy(OPENING); // vacated by the end of the session, or below
            occupied = true;
            OpenDevice fresh = new OpenDevice(
                    mdev,
                    memory.attach(slot),
                    moved,
                    userFaults,
                    migrations,
                    calls,
                    takeMemories(),
                    onMemories,
                    this::released);
            if (!enterVendor(fresh)) {
                fresh.detach();
                throw isRemoved(); // during the wait for the previous user
            }
            fresh.open();
            return fresh;
        } catch (ErrnoException | RuntimeException | Error e) {
            if (occupied) {
                slot.vacate(this::released);
            }
            opened();
            throw e;
        }
    }

    /** False if the device was removed: no further user call enters the vendor. */
    private synchronized boolean enterVendor(OpenDevice fresh) {
        if (!removed) {
            inVendor = fresh;
        }
        return !removed;
    }

    private synchronized RegionMemories takeMemories() {
        RegionMemories kept = restored;
        restored = null;
        return kept == null ? new RegionMemories(name(), space) : kept;
    }

    /** Called after a session without a user: its memories are the next user's if the device has been restored. */
    private void giveMemories(RegionMemories memories) {
        synchronized (this) {
            if (memories.isKept() && !removed) {
                restored = memories;
                return;
            }
        }
        memories.close();
    }

    private synchronized void opened() {
        opening = false;
        notifyAll();
    }

    /** The query that {@link #inspect} makes. */
    public interface Inspection<T> {
        T of(Ioctl device) throws ErrnoException;
    }

    /** The ioctls of a device. */
    public interface Ioctl {
        IoctlReply ioctl(IoctlRequest request) throws ErrnoException;
    }

    /**
     * Queries a device without becoming its user. An open device is queried alongside its user; otherwise it is opened
     * for the query, without memory and interrupts, and other opens wait.
     *
     * @throws ErrnoException as {@link #open}, or the vendor's errno
     */
    public <T> T inspect(Inspection<T> what) throws ErrnoException {
        return visit(fresh -> slot.callOccupied("inspect", _ -> what.of(fresh::ioctl)), open -> {
            slot.enter();
            try {
                requireCurrent(open);
                return what.of(open::ioctl);
            } finally {
                slot.leave();
            }
        });
    }

    /** A use of a session. */
    interface Session<T> {
        T use(OpenDevice open) throws ErrnoException;
    }

    /**
     * Uses the device without becoming its user.
     *
     * @param fresh of a device without a user, which is opened for it
     * @param open of a device with a user, who may leave meanwhile
     */
    <T> T visit(Session<T> fresh, Session<T> open) throws ErrnoException {
        OpenDevice now;
        synchronized (this) {
            awaitOpened();
            now = session;
            opening = now == null;
        }
        return now == null ? withoutUser(fresh) : open.use(now);
    }

    /** Opens the device without memory and interrupts; called while {@link #opening} is set. */
    private <T> T withoutUser(Session<T> what) throws ErrnoException {
        OpenDevice fresh = openVendor(_ -> DeviceDma.none(), this::giveMemories);
        try {
            return what.use(fresh);
        } finally {
            fresh.shut();
            opened();
        }
    }

    /** Called inside the slot. */
    synchronized void requireCurrent(OpenDevice asked) throws ErrnoException {
        if (session != asked) {
            throw new ErrnoException(Errno.EAGAIN, "the device is being closed");
        }
    }

    private DeviceHandle add(OpenDevice session, Runnable onLeave) {
        DeviceHandle handle = new DeviceHandle(this, slot, session, onLeave);
        handles.add(handle);
        return handle;
    }

    private static ErrnoException isRemoved() {
        return new ErrnoException(Errno.ENODEV, "the device is being removed");
    }

    /** Closes the triggers of a request through a handle without a session. */
    void discard(SetIrqs request) {
        IrqTable.discard(request, userFaults);
    }

    void close(DeviceHandle handle) {
        OpenDevice last = null;
        synchronized (this) {
            if (!handles.remove(handle)) {
                return; // revoked
            }
            handle.cut();
            if (handles.isEmpty()) {
                last = takeSession();
            }
            notifyAll();
        }
        if (last != null) {
            last.shut();
        }
        handle.onLeave().run();
    }

    /** Called with the monitor held, when no handle is left. */
    private @Nullable OpenDevice takeSession() {
        OpenDevice last = session;
        session = null;
        if (last != null) {
            inVendor = last;
        }
        return last;
    }

    /** Called when the vendor's release has returned. */
    private synchronized void released() {
        inVendor = null;
    }

    /**
     * Removes the device: prevents further opens, asks a listening user to close it and waits, then revokes the
     * handles. Once this has returned, no user call enters the vendor; a call that is still inside when the deadline
     * passes keeps the slot occupied.
     *
     * @param ask how long to wait for a user that was asked
     * @return the number of revoked handles
     */
    public int remove(Deadline deadline, Duration ask) {
        synchronized (this) {
            removed = true;
            notifyAll();
        }
        ask(deadline.atMost(ask));
        int cut = cut();
        slot.awaitVacant(deadline.remaining());
        RegionMemories left;
        synchronized (this) {
            left = restored;
            restored = null;
        }
        if (left != null) {
            left.close();
        }
        return cut;
    }

    /** Whether the vendor is in an open or a release. */
    public synchronized boolean isInVendor() {
        return inVendor != null;
    }

    /** Revokes the user's memory from a vendor that has not returned; does nothing if it has. */
    public void detach() {
        OpenDevice late;
        synchronized (this) {
            late = inVendor;
        }
        if (late != null) {
            late.detach();
        }
    }

    /** The REQ interrupt and its in-process form ({@code vfio_del_group_dev()} calls it request). */
    private void ask(Deadline deadline) {
        List<Runnable> listeners;
        OpenDevice open;
        synchronized (this) {
            open = session;
            listeners = handles.stream()
                    .map(DeviceHandle::request)
                    .filter(Objects::nonNull)
                    .toList();
        }
        boolean heard = open != null && (!listeners.isEmpty() || open.hearsRequest());
        if (open == null || !heard) {
            return;
        }
        calls.start("vfio-request-" + name(), () -> {
            open.request();
            for (Runnable listener : listeners) {
                try {
                    listener.run();
                } catch (RuntimeException e) {
                    userFaults.report("a removal request", e);
                }
            }
        });
        awaitLeave(deadline);
    }

    private synchronized void awaitLeave(Deadline deadline) {
        while (!handles.isEmpty() && deadline.waitOn(this)) {}
    }

    private int cut() {
        OpenDevice last;
        int cut;
        synchronized (this) {
            handles.forEach(DeviceHandle::cut);
            cut = handles.size();
            handles.clear();
            last = takeSession();
        }
        if (last != null) {
            LOG.info("device {}: removed while open; its user's access is revoked", name());
            // The triggers and the vendor's release are foreign code, which may hang.
            calls.start("vfio-release-" + name(), last::shut);
        }
        return cut;
    }
}
