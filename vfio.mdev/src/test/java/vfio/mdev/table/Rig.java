package vfio.mdev.table;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.RemoteAccess;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioNotifier;
import mdev.linux.LinuxException;
import mdev.linux.MemFd;
import mdev.linux.Seal;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;
import vfio.mdev.iommu.SpaprDriver;
import vfio.mdev.iommu.memory.UserMemories;

/** The fixture of a row: two devices of two groups, type1 and sPAPR, and a user that has opened nothing. */
final class Rig implements AutoCloseable {
    static final int PAGE = 4096;
    static final long IOVA = 0x10_0000;
    static final int RW = MapDma.READ | MapDma.WRITE;

    /** The memory behind an address without backing. */
    private static final RemoteAccess NOTHING = new RemoteAccess() {
        @Override
        public void read(long address, MemorySegment data, long offset, long length) throws ErrnoException {
            throw new ErrnoException(Errno.EFAULT);
        }

        @Override
        public void write(long address, MemorySegment data, long offset, long length) throws ErrnoException {
            throw new ErrnoException(Errno.EFAULT);
        }
    };

    final TestPlatform platform = new TestPlatform();
    final TestVendor vendor = new TestVendor();
    final Mdev mdev = platform.add(0, vendor);
    final Mdev other = platform.add(1, new TestVendor());
    final VfioContainer container = platform.vfio.openContainer();
    final List<String> told = new ArrayList<>();
    private final List<Runnable> opened = new ArrayList<>();

    Rig() throws ErrnoException {
        platform.iommuDrivers.addDriver(new SpaprDriver(new UserMemories()));
    }

    VfioGroup group() throws ErrnoException {
        VfioGroup group = platform.vfio.openGroup(0, "the user");
        opened.add(group::close);
        return group;
    }

    VfioGroup grouped() throws ErrnoException {
        VfioGroup group = group();
        group.setContainer(container);
        return group;
    }

    VfioGroup withIommu(int type) throws ErrnoException {
        VfioGroup group = grouped();
        container.setIommu(type);
        return group;
    }

    VfioDevice device(int type) throws ErrnoException {
        VfioDevice device = withIommu(type).getDevice(name());
        opened.addFirst(device::close);
        return device;
    }

    VfioDevice device() throws ErrnoException {
        return device(VfioContainer.TYPE1V2_IOMMU);
    }

    /** The vendor's context of the opened device. */
    VfioContext context() {
        VfioContext context = vendor.context;
        if (context == null) {
            throw new AssertionError("the device is not open");
        }
        return context;
    }

    /** Opens a device on a container with one mapping of two pages; for its vendor's calls. */
    VfioContext mapped(int type) throws ErrnoException {
        device(type);
        map(IOVA, 2 * PAGE);
        return context();
    }

    /** As {@link #mapped}, with a vendor that can pin. */
    VfioContext pinner(VfioNotifier.DmaUnmap notifier) throws ErrnoException {
        VfioContext context = mapped(VfioContainer.TYPE1V2_IOMMU);
        context.registerNotifier(notifier);
        return context;
    }

    VfioContext pinner() throws ErrnoException {
        return pinner((iova, size) -> told.add("0x%x+0x%x".formatted(iova, size)));
    }

    String name() {
        return mdev.uuid().toString();
    }

    IoctlReply ask(IoctlRequest request) throws ErrnoException {
        return container.ioctl(request);
    }

    void map(long iova, long size) throws ErrnoException {
        map(RW, iova, size);
    }

    void map(int flags, long iova, long size) throws ErrnoException {
        ask(new MapDma(flags, memfd(size), iova, size));
    }

    void mapNothing(int flags, long vaddr, long iova, long size) throws ErrnoException {
        ask(new MapDma(flags, nothing(vaddr), iova, size));
    }

    static UserMemory nothing(long vaddr) {
        return new UserMemory.Remote(vaddr, NOTHING);
    }

    static UserMemory memfd(long size) {
        try {
            return new UserMemory.File(MemFd.create("table", size, Seal.SHRINK).release(), 0);
        } catch (LinuxException e) {
            throw new AssertionError(e);
        }
    }

    /** An unmapping that must remove the given number of bytes. */
    void unmap(long iova, long size, long taken) throws ErrnoException {
        assertEquals(new UnmapDma.Reply(taken), ask(new UnmapDma(iova, size)));
    }

    static DirtyBitmap bitmap() {
        return new DirtyBitmap(PAGE, MemorySegment.ofArray(new long[1]));
    }

    static MemorySegment bytes(int count) {
        return MemorySegment.ofArray(new byte[count]);
    }

    static long[] pfns(long... pages) {
        long[] pfns = pages.clone();
        for (int i = 0; i < pfns.length; i++) {
            pfns[i] += IOVA / PAGE;
        }
        return pfns;
    }

    @Override
    public void close() {
        opened.forEach(Runnable::run);
        container.close();
        platform.close();
    }
}
