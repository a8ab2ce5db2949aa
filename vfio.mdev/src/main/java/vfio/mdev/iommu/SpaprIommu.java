package vfio.mdev.iommu;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuDisable;
import mdev.api.vfio.IommuEnable;
import mdev.api.vfio.IommuState;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.SpaprRegisterMemory;
import mdev.api.vfio.SpaprTceCreate;
import mdev.api.vfio.SpaprTceGetInfo;
import mdev.api.vfio.SpaprTceInfo;
import mdev.api.vfio.SpaprTceRemove;
import mdev.api.vfio.SpaprUnregisterMemory;
import mdev.api.vfio.UnmapDma;
import mdev.sync.BoundedCalls;
import org.jspecify.annotations.Nullable;
import vfio.mdev.iommu.memory.Location;
import vfio.mdev.iommu.memory.MemoryRef;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * An address space of {@code drivers/vfio/vfio_iommu_spapr_tce.c}: mappings of single pages, inside windows. Vendors
 * can pin pages here, too.
 */
final class SpaprIommu implements Iommu {
    /** Bounds the memory a user can consume, as RLIMIT_MEMLOCK does in the kernel. */
    private static final int MAX_MAPPINGS = 1 << 20;

    private final boolean v2;
    private final UserMemories memories;
    private final SpaprMemory registered;
    private final AddressSpace space;

    /**
     * The monitor guards the windows, the registered memory and the state below; all mappings lie in windows. It is
     * held during a vendor's unmap notification, which is bounded: only this user's own requests wait for it.
     */
    private final Set<Integer> groups = new HashSet<>();

    private final @Nullable SpaprWindow[] windows = new SpaprWindow[SpaprWindow.MAX_WINDOWS];
    private boolean enabled;
    private boolean defaultPending;

    /** Set by {@code tce_iommu_mm_set()}: the user is known. */
    private boolean owned;

    /** @param v2 supports creating windows, and maps only registered memory */
    SpaprIommu(boolean v2, UserMemories memories, BoundedCalls notifierCalls) {
        this.v2 = v2;
        this.memories = memories;
        this.registered = new SpaprMemory(memories);
        this.space = new AddressSpace(AddressSpace.Pinning.ALLOWED, notifierCalls);
    }

    @Override
    public int checkExtension(int extension) {
        return SpaprDriver.TYPES.contains(extension) ? 1 : 0;
    }

    /** {@code tce_iommu_attach_group()}. */
    @Override
    public synchronized void attachGroup(int group) throws ErrnoException {
        if (groups.contains(group) || (!v2 && !groups.isEmpty())) {
            throw new ErrnoException(Errno.EBUSY, "version 1 accepts one group, and a group can be attached once");
        }
        if (!v2) {
            windows[0] = SpaprWindow.defaultWindow();
        } else if (groups.isEmpty() && windows[0] == null) {
            defaultPending = true;
        }
        groups.add(group);
    }

    /** {@code tce_iommu_detach_group()}: version 1 loses the group's window. */
    @Override
    public synchronized void detachGroup(int group) {
        SpaprWindow window = windows[0];
        if (groups.remove(group) && !v2 && window != null) {
            clear(window.start(), window.last());
            windows[0] = null;
        }
    }

    @Override
    public DmaAttachment attachDevice(String vendor) {
        return space.attach(vendor);
    }

    @Override
    public Optional<IommuState> state() {
        return Optional.of(space.state(v2 ? "sPAPR TCE v2" : "sPAPR TCE"));
    }

    @Override
    public synchronized void release() {
        clear(0, -1);
        registered.release();
    }

    @Override
    public synchronized IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        return switch (request) {
            case SpaprTceGetInfo _ -> info();
            case MapDma map -> map(map);
            case UnmapDma unmap -> unmap(unmap);
            case IommuEnable _ when !v2 -> enable();
            case IommuDisable _ when !v2 -> disable();
            case SpaprRegisterMemory register -> register(register);
            case SpaprUnregisterMemory unregister -> unregister(unregister);
            case SpaprTceCreate create when v2 -> create(create);
            case SpaprTceRemove remove when v2 -> remove(remove);
            default -> throw new ErrnoException(Errno.ENOTTY);
        };
    }

    private SpaprTceInfo info() throws ErrnoException {
        checkGroup(Errno.ENXIO);
        SpaprTceInfo.Ddw ddw = v2
                ? new SpaprTceInfo.Ddw(SpaprWindow.PGSIZES, SpaprWindow.MAX_WINDOWS, SpaprWindow.MAX_LEVELS)
                : new SpaprTceInfo.Ddw(0, 0, 0);
        SpaprWindow window = SpaprWindow.defaultWindow();
        return new SpaprTceInfo(v2 ? SpaprTceInfo.DDW : 0, window.start(), window.size(), ddw);
    }

    private IoctlReply enable() throws ErrnoException {
        if (enabled) {
            throw new ErrnoException(Errno.EBUSY, "the container is already enabled");
        }
        checkGroup(Errno.ENODEV);
        owned = true;
        enabled = true;
        return IoctlReply.DONE;
    }

    private IoctlReply disable() {
        enabled = false;
        return IoctlReply.DONE;
    }

    private IoctlReply register(SpaprRegisterMemory request) throws ErrnoException {
        if (!v2) {
            UserMemories.discard(request.memory());
            throw new ErrnoException(Errno.ENOTTY);
        }
        owned = true;
        registered.register(request);
        enabled = true;
        return IoctlReply.DONE;
    }

    private IoctlReply unregister(SpaprUnregisterMemory request) throws ErrnoException {
        if (!v2 || !owned) {
            UserMemories.discard(request.memory());
            throw new ErrnoException(v2 ? Errno.EPERM : Errno.ENOTTY);
        }
        registered.unregister(request);
        return IoctlReply.DONE;
    }

    private IoctlReply map(MapDma map) throws ErrnoException {
        SpaprWindow window;
        try {
            window = checkMap(map);
            if (map.size() == 0) {
                UserMemories.discard(map.memory());
                return IoctlReply.DONE;
            }
            window.lastOf(map.iova(), map.size());
            if (space.mappings().count() >= MAX_MAPPINGS) {
                throw new ErrnoException(Errno.ENOMEM, "there are " + MAX_MAPPINGS + " mappings");
            }
        } catch (ErrnoException e) {
            UserMemories.discard(map.memory());
            throw e;
        }
        long last = map.iova() + map.size() - 1;
        List<DmaMapping> parts = v2
                ? registered.map(map.memory(), map.iova(), map.size(), map.flags(), 1L << window.pageShift())
                : List.of(open(map, last));
        replace(map.iova(), last, parts);
        return IoctlReply.DONE;
    }

    private DmaMapping open(MapDma map, long last) throws ErrnoException {
        boolean writable = (map.flags() & MapDma.WRITE) != 0;
        MemoryRef memory = memories.open(map.memory(), map.size(), writable);
        return new DmaMapping(map.iova(), last, map.flags(), memory, 0, memories.numbers());
    }

    /** In the order of {@code tce_iommu_ioctl()}. */
    private SpaprWindow checkMap(MapDma map) throws ErrnoException {
        checkEnabled();
        if ((map.flags() & ~(MapDma.READ | MapDma.WRITE)) != 0) {
            throw new ErrnoException(Errno.EINVAL, "flags 0x" + Integer.toHexString(map.flags()));
        }
        SpaprWindow window = window(map.iova());
        long start = Location.start(map.memory());
        window.checkAligned(map.size() | start);
        if (map.flags() == 0) {
            throw new ErrnoException(Errno.EINVAL, "neither READ nor WRITE");
        }
        window.checkAligned(map.iova());
        if (map.size() != 0 && Long.compareUnsigned(start + map.size() - 1, start) < 0) {
            throw new ErrnoException(Errno.EINVAL, "the memory wraps");
        }
        return window;
    }

    private IoctlReply unmap(UnmapDma unmap) throws ErrnoException {
        checkEnabled();
        if (unmap.flags() != 0) {
            throw new ErrnoException(Errno.EINVAL, "no flag is supported");
        }
        SpaprWindow window = window(unmap.iova());
        window.checkAligned(unmap.size() | unmap.iova());
        if (unmap.size() != 0) {
            clear(unmap.iova(), window.lastOf(unmap.iova(), unmap.size()));
        }
        return new UnmapDma.Reply(unmap.size());
    }

    private IoctlReply create(SpaprTceCreate create) throws ErrnoException {
        owned = true;
        checkGroup(Errno.ENXIO);
        if (create.flags() != 0) {
            throw new ErrnoException(Errno.EINVAL, "no flag is supported");
        }
        createDefault();
        for (int number = 0; number < windows.length; number++) {
            if (windows[number] == null) {
                SpaprWindow window =
                        SpaprWindow.create(number, create.pageShift(), create.windowSize(), create.levels());
                windows[number] = window;
                return new SpaprTceCreate.Reply(window.start());
            }
        }
        throw new ErrnoException(Errno.ENOSPC, "there are " + windows.length + " windows");
    }

    private IoctlReply remove(SpaprTceRemove remove) throws ErrnoException {
        owned = true;
        checkGroup(Errno.ENXIO);
        if (remove.flags() != 0) {
            throw new ErrnoException(Errno.EINVAL, "no flag is supported");
        }
        if (defaultPending && remove.startAddr() == 0) {
            defaultPending = false;
            return IoctlReply.DONE;
        }
        for (int number = 0; number < windows.length; number++) {
            SpaprWindow window = windows[number];
            if (window != null && window.contains(remove.startAddr())) {
                windows[number] = null;
                clear(window.start(), window.last());
                return IoctlReply.DONE;
            }
        }
        throw new ErrnoException(Errno.EINVAL, "no window at 0x" + Long.toHexString(remove.startAddr()));
    }

    /**
     * {@code tce_iommu_create_default_window()}: created on first use, so that a user can do without it.
     */
    private void createDefault() {
        if (defaultPending) {
            windows[0] = SpaprWindow.defaultWindow();
            defaultPending = false;
        }
    }

    private SpaprWindow window(long iova) throws ErrnoException {
        createDefault();
        for (SpaprWindow window : windows) {
            if (window != null && window.contains(iova)) {
                return window;
            }
        }
        throw new ErrnoException(Errno.ENXIO, "no window contains 0x" + Long.toHexString(iova));
    }

    private void checkEnabled() throws ErrnoException {
        if (!enabled) {
            throw new ErrnoException(Errno.EPERM, v2 ? "no memory is registered" : "the container is not enabled");
        }
    }

    private void checkGroup(Errno otherwise) throws ErrnoException {
        if (groups.isEmpty()) {
            throw new ErrnoException(otherwise, "no group is attached");
        }
    }

    private void clear(long first, long last) {
        replace(first, last, List.of());
    }

    /**
     * Replaces the mappings of every page in the range, possibly by none; the parts of old mappings outside of the
     * range are kept.
     */
    private void replace(long first, long last, List<DmaMapping> parts) {
        try {
            space.evict(first, last, AddressSpace.AtBorder.SPLIT, parts);
        } catch (ErrnoException e) {
            throw new IllegalStateException(e); // SPLIT never fails
        }
    }
}
