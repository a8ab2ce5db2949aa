package vfio.mdev.group;

import java.time.Duration;
import java.util.Optional;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.container.Container;
import vfio.mdev.device.GroupDevice;
import vfio.mdev.iommu.DeviceDma;

/**
 * A VFIO group: one file, at most one container, one device. The mediated bus creates a group for each probe, so a
 * group never has a second device and is always viable. After the removal of its device, the empty group exists until
 * its file is closed.
 *
 * <p>The monitor guards the fields and is never held during a call to a vendor or back-end.
 */
public final class Group implements Container.Member {
    private static final Logger LOG = LoggerFactory.getLogger(Group.class);

    private final int number;
    private final GroupDevice device;
    private final BoundedCalls calls;
    private final Runnable onEmpty;

    /** Set while a thread attaches or detaches the group; other threads wait. */
    private boolean changing;

    private boolean present = true;
    /** Set when the removal of the device begins. */
    private boolean removing;

    private @Nullable GroupFile file;
    private String holder = "";
    private @Nullable Container container;
    /** Device handles, and calls that are opening one. */
    private int users;

    /**
     * @param calls runs calls that may hang during device removal
     * @param onEmpty runs when the device is removed and the file is closed: the end of the group
     */
    Group(int number, GroupDevice device, BoundedCalls calls, Runnable onEmpty) {
        this.number = number;
        this.calls = calls;
        this.device = device;
        this.onEmpty = onEmpty;
    }

    @Override
    public int number() {
        return number;
    }

    @Override
    public synchronized boolean hasDevice() {
        return !removing;
    }

    /**
     * The group's state for listings.
     *
     * @param device null if removed
     * @param holder empty if the group is not open
     */
    public record State(
            int number,
            @Nullable GroupDevice device,
            String holder,
            @Nullable Container container,
            boolean viable) {}

    public synchronized State state() {
        return new State(number, present ? device : null, isFree() ? "" : holder, container, true);
    }

    /** The user of the group, if the device is open. */
    public Optional<String> user() {
        return device.isOpen() ? Optional.of(state().holder()) : Optional.empty();
    }

    private boolean isFree() {
        return file == null && container == null && users == 0;
    }

    /**
     * {@code vfio_group_fops_open()}: one opener at a time, and none while a device handle or the container of the
     * previous opener remains.
     */
    synchronized VfioGroup openFile(String by) throws ErrnoException {
        if (!isFree()) {
            throw new ErrnoException(Errno.EBUSY, "group %d is in use by %s".formatted(number, holder));
        }
        if (!present) {
            throw new ErrnoException(Errno.ENOENT, "no group " + number);
        }
        holder = by;
        file = new GroupFile();
        return file;
    }

    /** A VFIO group file. Closing it clears the group's reference to it; every call checks that reference. */
    private final class GroupFile implements VfioGroup {
        @Override
        public int number() {
            return number;
        }

        @Override
        public int getStatus() {
            synchronized (Group.this) {
                int set = container == null ? 0 : CONTAINER_SET;
                return file == this ? VIABLE | set : 0;
            }
        }

        @Override
        public void setContainer(VfioContainer container) throws ErrnoException {
            if (!(container instanceof Container wanted)) {
                throw new ErrnoException(Errno.EINVAL, "the container was not opened through this API");
            }
            synchronized (Group.this) {
                awaitChange();
                checkOpen();
                if (Group.this.container != null) {
                    throw new ErrnoException(Errno.EINVAL, "group " + number + " is in a container");
                }
                changing = true;
            }
            try {
                wanted.attach(Group.this);
            } catch (ErrnoException | RuntimeException | Error e) {
                endChange();
                throw e;
            }
            boolean removed;
            synchronized (Group.this) {
                removed = removing && present; // removeDevice() may have read the container already
                if (!removed) {
                    Group.this.container = wanted;
                    endChange();
                }
            }
            if (removed) {
                detach(wanted);
                throw new ErrnoException(Errno.ENODEV, "the device of group " + number + " is being removed");
            }
            leaveIfIdle(); // the file may have been closed in the meantime
        }

        @Override
        public void unsetContainer() throws ErrnoException {
            Container left;
            synchronized (Group.this) {
                awaitChange();
                checkOpen();
                if (container == null) {
                    throw new ErrnoException(Errno.EINVAL, "group " + number + " is in no container");
                }
                if (users > 0) {
                    throw new ErrnoException(Errno.EBUSY, "the device of group " + number + " is open");
                }
                left = beginLeave(container);
            }
            detach(left);
        }

        @Override
        public VfioDevice getDevice(String name) throws ErrnoException {
            Container in;
            String client;
            synchronized (Group.this) {
                checkOpen();
                in = container;
                if (in == null) {
                    throw new ErrnoException(Errno.EINVAL, "group " + number + " is in no container");
                }
                client = holder;
                users++; // keeps the group in its container; undone in userLeft()
            }
            try {
                if (!in.hasIommu()) {
                    throw new ErrnoException(Errno.EINVAL, "the container has no IOMMU");
                }
                if (!isPresent() || !name.equals(device.name())) {
                    throw new ErrnoException(Errno.ENODEV, "no device '" + name + "' in group " + number);
                }
                return device.open(slot -> attach(slot, in, client), Group.this::userLeft);
            } catch (ErrnoException | RuntimeException | Error e) {
                userLeft();
                throw e;
            }
        }

        @Override
        public void close() {
            boolean over;
            synchronized (Group.this) {
                if (file == this) {
                    file = null;
                }
                over = !present && file == null;
            }
            leaveIfIdle();
            if (over) {
                onEmpty.run();
            }
        }

        private void checkOpen() throws ErrnoException {
            if (file != this) {
                throw new ErrnoException(Errno.EBADF, "the group file is closed");
            }
        }
    }

    /**
     * {@code vfio_group_try_dissolve_container()}: without a file or device handle, the group could not be detached
     * from the container otherwise.
     */
    private void leaveIfIdle() {
        Container left;
        synchronized (this) {
            // The thread of a change in progress checks again at its end.
            if (changing || file != null || users > 0 || container == null) {
                return;
            }
            left = beginLeave(container);
        }
        detach(left);
    }

    /** @throws ErrnoException EBUSY: a back-end does not return from another change */
    private synchronized void awaitChange() throws ErrnoException {
        Deadline deadline = Deadline.in(Container.PATIENCE);
        while (changing) {
            if (!deadline.waitOn(this)) {
                throw new ErrnoException(
                        Errno.EBUSY, "the IOMMU back-end has not returned from another call for group " + number);
            }
        }
    }

    private synchronized void endChange() {
        changing = false;
        notifyAll();
    }

    private synchronized Container beginLeave(Container left) {
        container = null;
        changing = true;
        return left;
    }

    /** Ends the change; if the back-end, which is foreign code, hangs, when it returns. */
    private void detach(Container left) {
        await(calls.start("vfio-detach-" + number, () -> leave(left)), Deadline.in(Container.PATIENCE));
    }

    private void leave(Container left) {
        try {
            left.detach(this);
        } finally {
            endChange();
        }
    }

    private void await(BoundedCalls.Call detach, Deadline deadline) {
        if (!detach.awaitUninterruptibly(deadline)) {
            LOG.warn("group {}: the IOMMU back-end did not detach it in time; abandoned", number, detach.stack());
        }
    }

    private static DeviceDma attach(Slot slot, Container in, String client) throws ErrnoException {
        DeviceDma.Calls calls = (name, call) -> slot.callOccupied(name, _ -> {
            call.run();
            return name;
        });
        return new DeviceDma(calls, slot.vendor(), in.attachDevice(slot.vendor()), client);
    }

    private synchronized boolean isPresent() {
        return present;
    }

    private void userLeft() {
        synchronized (this) {
            users--;
        }
        leaveIfIdle();
    }

    /**
     * The bus driver's remove callback: removes the device and detaches the group from its container, even if the user
     * still holds it.
     *
     * @param gracePeriod the maximum duration of the whole removal
     * @param ask the part of the grace period in which the user may release the device voluntarily; at most half
     */
    public void removeDevice(Duration gracePeriod, Duration ask) {
        synchronized (this) {
            removing = true; // from now on no IOMMU accepts the group
        }
        Deadline deadline = Deadline.in(gracePeriod);
        Duration half = gracePeriod.dividedBy(2);
        int cut = device.remove(
                Deadline.in(gracePeriod.multipliedBy(3).dividedBy(4)), ask.compareTo(half) < 0 ? ask : half);
        boolean attached;
        synchronized (this) {
            attached = container != null;
        }
        if (attached || device.isInVendor()) {
            await(calls.start("vfio-detach-" + number, this::detachLate), deadline);
        }
        boolean over;
        synchronized (this) {
            present = false;
            users -= cut;
            over = file == null;
        }
        if (over) {
            onEmpty.run();
        }
    }

    private void detachLate() {
        device.detach();
        Container left;
        synchronized (this) {
            while (changing) {
                Deadline.in(Container.PATIENCE).waitOn(this); // no thread waits for this one any more
            }
            if (container == null) {
                return;
            }
            left = beginLeave(container);
        }
        leave(left);
    }
}
