package vfio.mdev.container;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuDriver;
import mdev.api.vfio.IommuState;
import mdev.api.vfio.VfioContainer;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * A container: groups that share an address space, and the IOMMU back-end that implements it. The file may be closed
 * while groups are attached; the address space is freed when the last group is detached.
 */
public final class Container implements VfioContainer {
    private static final Logger LOG = LoggerFactory.getLogger(Container.class);

    /** How long a request waits for another one. A virtual machine times out after 5 s. */
    public static final Duration PATIENCE = Duration.ofSeconds(4);

    /** Shown in listings while a change is in progress, in a back-end that may hang. */
    public static final String BUSY = "busy";

    /**
     * A group in a container. Compared by identity, because two groups with the same number may coexist for a while.
     */
    public interface Member {
        int number();

        /** False once the removal of its device has begun. Never blocks. */
        boolean hasDevice();
    }

    /** An exception thrown by a back-end. */
    private record Fault(String call, Throwable thrown) {}

    /** A back-end in use. */
    private record Attached(IommuDriver driver, Iommu iommu) {}

    private final int id;
    private final IommuDrivers drivers;
    private final FaultLog faults;

    /**
     * Writers change the groups and the IOMMU of the container, readers use the IOMMU, so a release never overlaps an
     * ioctl. The back-end is called with the lock held, like the kernel's group_lock. Only this user's requests take
     * the lock, and all wait for it with a deadline: a hung back-end blocks the request that called it, and the others
     * fail.
     */
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

    /** Faults to log once the lock is released. */
    private final Queue<Fault> unreported = new ConcurrentLinkedQueue<>();

    private final Set<Member> members = new LinkedHashSet<>();
    private volatile @Nullable Attached attached;
    private volatile boolean closed;

    /** @param id identifies the container in listings */
    public Container(int id, IommuDrivers drivers) {
        this.id = id;
        this.drivers = drivers;
        this.faults = new FaultLog(LOG, "the IOMMU of container " + id);
    }

    public int id() {
        return id;
    }

    /**
     * The name of the back-end for listings, or null. Never blocks: returns {@link #BUSY} while the container is being
     * changed.
     */
    public @Nullable String iommuName() {
        String name = peek(BUSY, "", now -> now.driver.name());
        return name.isEmpty() ? null : name;
    }

    /**
     * Attaches a group; pairs with {@link #detach}.
     *
     * @throws ErrnoException EBADF: the file is closed; EIO: the container has an IOMMU and the group has no device;
     *     otherwise the back-end's errno
     */
    public void attach(Member group) throws ErrnoException {
        try (Held _ = hold(lock.writeLock())) {
            checkOpen();
            if (attached != null) {
                attach(attached, group);
            }
            members.add(group);
        }
    }

    /**
     * Detaches a group; detaching the last one releases the IOMMU ({@code __vfio_group_unset_container()}). Waits for
     * the back-end without a limit, on a thread that other threads wait for only until a deadline.
     */
    public void detach(Member group) {
        lock.writeLock().lock();
        try (Held _ = () -> release(lock.writeLock())) {
            Attached was = attached;
            if (!members.remove(group) || was == null) {
                return;
            }
            guarded(was.driver, "detachGroup", () -> was.iommu.detachGroup(group.number()));
            if (members.isEmpty()) {
                attached = null;
                guarded(was.driver, "release", was.iommu::release);
            }
        }
    }

    /** Whether the container has an IOMMU. The answer is stable for a caller that is a member. Never blocks. */
    public boolean hasIommu() {
        return attached != null;
    }

    /**
     * Attaches a device opened by a user of this container.
     *
     * @param vendor named in the log if it does not release its pins
     * @throws ErrnoException EIO: the back-end failed
     */
    public DmaAttachment attachDevice(String vendor) throws ErrnoException {
        try (Held _ = hold(lock.readLock())) {
            Attached now = attached;
            if (now == null) {
                throw noIommu();
            }
            return call(now.driver, "attachDevice", () -> now.iommu.attachDevice(vendor));
        }
    }

    /**
     * The contents of the address space for listings, as reported by the back-end. Also empty while the container is
     * being changed.
     */
    public Optional<IommuState> iommuState() {
        return peek(Optional.empty(), Optional.empty(), now -> now.iommu.state());
    }

    private <T> T peek(T busy, T none, Function<Attached, T> query) {
        Lock read = lock.readLock();
        if (!read.tryLock()) {
            return busy;
        }
        try (Held _ = () -> release(read)) {
            Attached now = attached;
            return now == null ? none : query.apply(now);
        }
    }

    @Override
    public int checkExtension(int extension) {
        try (Held _ = hold(lock.readLock())) {
            if (attached != null) {
                return attached.iommu.checkExtension(extension);
            }
            for (IommuDriver driver : drivers.newestFirst()) {
                int answer = driver.checkExtension(extension);
                if (answer > 0) {
                    return answer;
                }
            }
            return 0;
        } catch (ErrnoException e) {
            LOG.warn("{}", e.getMessage());
            return 0; // as VFIO_CHECK_EXTENSION of an unsupported extension
        }
    }

    @Override
    public void setIommu(int type) throws ErrnoException {
        try (Held _ = hold(lock.writeLock())) {
            checkOpen();
            if (members.isEmpty()) {
                throw new ErrnoException(Errno.EINVAL, "the container has no group");
            }
            if (attached != null) {
                throw new ErrnoException(Errno.EINVAL, "the container already has an IOMMU: " + attached.driver.name());
            }
            attached = select(type);
        }
    }

    /** Selects the first back-end that accepts the type and all groups ({@code vfio_ioctl_set_iommu()}). */
    private Attached select(int type) throws ErrnoException {
        ErrnoException refusal = new ErrnoException(Errno.ENODEV, "no IOMMU back-end supports type " + type);
        for (IommuDriver driver : drivers.newestFirst()) {
            if (driver.types().contains(type)) {
                try {
                    return open(driver, type);
                } catch (ErrnoException e) {
                    refusal = e;
                }
            }
        }
        throw refusal;
    }

    private Attached open(IommuDriver driver, int type) throws ErrnoException {
        Attached candidate = call(driver, "open", () -> new Attached(driver, driver.open(type)));
        List<Member> in = new ArrayList<>();
        try {
            for (Member group : members) {
                attach(candidate, group);
                in.add(group);
            }
            return candidate;
        } catch (ErrnoException e) {
            in.reversed()
                    .forEach(
                            group -> guarded(driver, "detachGroup", () -> candidate.iommu.detachGroup(group.number())));
            guarded(driver, "release", candidate.iommu::release);
            throw e;
        }
    }

    /** As in type1: a group without a device has no bus and therefore no IOMMU ({@code iommu_domain_alloc()}). */
    private void attach(Attached to, Member group) throws ErrnoException {
        if (!group.hasDevice()) {
            throw new ErrnoException(Errno.EIO, "the device of group " + group.number() + " was removed");
        }
        call(to.driver, "attachGroup", () -> {
            to.iommu.attachGroup(group.number());
            return to;
        });
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        boolean handled = false;
        try (Held _ = hold(lock.readLock())) {
            checkOpen();
            Attached now = attached;
            if (now == null) {
                throw noIommu();
            }
            handled = true;
            return call(now.driver, "ioctl", () -> now.iommu.ioctl(request));
        } finally {
            if (!handled) {
                UserMemories.discard(request);
            }
        }
    }

    private static ErrnoException noIommu() {
        return new ErrnoException(Errno.EINVAL, "the container has no IOMMU");
    }

    private void checkOpen() throws ErrnoException {
        if (closed) {
            throw new ErrnoException(Errno.EBADF, "the container is closed");
        }
    }

    @Override
    public void close() {
        closed = true;
    }

    private void guarded(IommuDriver driver, String call, Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error e) {
            failed(driver, call, e);
        }
    }

    private interface BackEndCall<T> {
        T call() throws ErrnoException;
    }

    private <T> T call(IommuDriver driver, String name, BackEndCall<T> call) throws ErrnoException {
        try {
            return call.call();
        } catch (RuntimeException | Error e) {
            throw failed(driver, name, e);
        }
    }

    private ErrnoException failed(IommuDriver driver, String call, Throwable thrown) {
        unreported.add(new Fault(driver.name() + "." + call, thrown));
        return new ErrnoException(Errno.EIO, "the IOMMU back-end failed in " + call);
    }

    /** The lock, until it is closed. */
    private interface Held extends AutoCloseable {
        @Override
        void close();
    }

    /** @throws ErrnoException EBUSY: a call in the back-end does not return */
    private Held hold(Lock wanted) throws ErrnoException {
        if (!Deadline.in(PATIENCE).tryLock(wanted)) {
            throw new ErrnoException(
                    Errno.EBUSY, "the IOMMU back-end has not returned from another call for container " + id);
        }
        return () -> release(wanted);
    }

    private void release(Lock held) {
        held.unlock();
        for (Fault fault = unreported.poll(); fault != null; fault = unreported.poll()) {
            faults.report(fault.call, fault.thrown);
        }
    }
}
