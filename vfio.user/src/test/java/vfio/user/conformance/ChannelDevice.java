package vfio.user.conformance;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioCcw;
import mdev.api.vfio.VfioContext;
import org.jspecify.annotations.Nullable;

/** A device that is not PCI: the regions and interrupts of vfio-ccw, and a region of memory in addition. */
final class ChannelDevice implements DeviceOps, StatefulDevice {
    static final int ASYNC_CMD = 1;
    static final int SCHIB = 2;
    static final int MEMORY = 3;
    static final int MEMORY_SIZE = 0x3000;

    /** A write of this offset is answered with EBUSY, as a channel program in progress is. */
    static final int BUSY = 12;

    private static final int RW = RegionInfo.READ | RegionInfo.WRITE;

    private static final List<RegionInfo> REGIONS = List.of(
            new RegionInfo(VfioCcw.CONFIG_REGION, RW, 124),
            new RegionInfo(
                    ASYNC_CMD,
                    RW | RegionInfo.CAPS,
                    8,
                    List.of(new RegionCapability.Type(VfioCcw.REGION_TYPE, VfioCcw.REGION_SUBTYPE_ASYNC_CMD))),
            new RegionInfo(
                    SCHIB,
                    RegionInfo.READ | RegionInfo.CAPS,
                    52,
                    List.of(new RegionCapability.Type(VfioCcw.REGION_TYPE, VfioCcw.REGION_SUBTYPE_SCHIB))),
            new RegionInfo(
                    MEMORY,
                    RW | RegionInfo.MMAP | RegionInfo.CAPS,
                    MEMORY_SIZE,
                    List.of(
                            new RegionCapability.Type(7, 9),
                            new RegionCapability.SparseMmap(List.of(new RegionCapability.Area(0x1000, 0x2000))))));

    private final MemorySegment config = MemorySegment.ofArray(new byte[124]);
    private volatile @Nullable VfioContext context;

    VfioContext context() {
        return Objects.requireNonNull(context, "not open");
    }

    @Override
    public void open(VfioContext opened) throws ErrnoException {
        opened.regionMemory(MEMORY, MEMORY_SIZE);
        context = opened;
    }

    @Override
    public void release() {
        context = null;
    }

    @Override
    public void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        if (region != VfioCcw.CONFIG_REGION) {
            throw new ErrnoException(Errno.EINVAL);
        }
        MemorySegment.copy(config, offset, data, dataOffset, length);
    }

    @Override
    public void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        if (region != VfioCcw.CONFIG_REGION) {
            throw new ErrnoException(Errno.EINVAL);
        }
        if (offset == BUSY) {
            throw new ErrnoException(Errno.EBUSY);
        }
        MemorySegment.copy(data, dataOffset, config, offset, length);
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        return switch (request) {
            case GetInfo() -> new DeviceInfo(DeviceInfo.CCW, REGIONS.size(), VfioCcw.NUM_IRQS);
            case GetRegionInfo(int index) -> REGIONS.get(index);
            case GetIrqInfo(int index) -> new IrqInfo(index, IrqInfo.EVENTFD, 1);
            case Reset() -> IoctlReply.DONE;
            default -> throw new ErrnoException(Errno.ENOTTY);
        };
    }

    @Override
    public DeviceState save() {
        return DeviceState.version(1);
    }

    @Override
    public void restore(DeviceState state) {}
}
