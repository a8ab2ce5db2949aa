package vfio.user.conformance;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.GetRegionIoEvents;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.RegionIoEvents;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioNotifier;
import mdev.api.vfio.VfioPci;
import org.jspecify.annotations.Nullable;

/**
 * A PCI device with one of everything: registers in BAR0, a doorbell in BAR1 that runs an action of the test, memory
 * mappable in parts in BAR2 and as a whole in BAR3, 8 GiB in BAR4, a configuration space, and interrupts of all five
 * kinds.
 */
class Card implements DeviceOps {
    static final int BAR0_SIZE = 0x1000;
    static final int DOORBELL_SIZE = 0x100;
    static final int BAR2_SIZE = 0x8000;
    static final int BAR3_SIZE = 0x3000;
    static final long BAR4_SIZE = 8L << 30;
    static final int CONFIG_SIZE = 0x100;
    static final List<RegionCapability.Area> BAR2_AREAS =
            List.of(new RegionCapability.Area(0x2000, 0x1000), new RegionCapability.Area(0x4000, 0x2000));

    static final int MSI_COUNT = 4;
    static final int MSIX_COUNT = 2048;

    private static final int RW = RegionInfo.READ | RegionInfo.WRITE;

    /** The action of the doorbell or of a reset. */
    @FunctionalInterface
    interface Action {
        void run(VfioContext context) throws ErrnoException;
    }

    final Map<Integer, RegionInfo> regions = new TreeMap<>(Map.of(
            0, new RegionInfo(0, RW, BAR0_SIZE),
            1, new RegionInfo(1, RW, DOORBELL_SIZE),
            2,
                    new RegionInfo(
                            2,
                            RW | RegionInfo.MMAP | RegionInfo.CAPS,
                            BAR2_SIZE,
                            List.of(new RegionCapability.SparseMmap(BAR2_AREAS))),
            3, new RegionInfo(3, RW | RegionInfo.MMAP, BAR3_SIZE),
            4, new RegionInfo(4, RW, BAR4_SIZE),
            5, new RegionInfo(5, 0, 0),
            6, new RegionInfo(6, 0, 0),
            7, new RegionInfo(7, RW, CONFIG_SIZE),
            8, new RegionInfo(8, 0, 0)));

    /** The eventfds of BAR1: one value, any value, and more than a message carries. */
    static final List<IoEvent> DOORBELLS = Stream.concat(
                    Stream.of(new IoEvent(8, 4, OptionalLong.of(0x89abcdefL)), new IoEvent(0x10, 8)),
                    IntStream.range(0, 30).mapToObj(i -> new IoEvent(0x40 + 2 * i, 2, OptionalLong.of(i))))
            .toList();

    /** The writes to BAR1: "offset=bytes". */
    final BlockingQueue<String> rung = new LinkedBlockingQueue<>();

    /** The number of interrupts of each kind; missing kinds are EINVAL. */
    final Map<Integer, IrqInfo> irqs = new TreeMap<>(Map.of(
            VfioPci.INTX_IRQ,
            new IrqInfo(VfioPci.INTX_IRQ, IrqInfo.EVENTFD | IrqInfo.MASKABLE | IrqInfo.AUTOMASKED, 1),
            VfioPci.MSI_IRQ,
            new IrqInfo(VfioPci.MSI_IRQ, IrqInfo.EVENTFD | IrqInfo.NORESIZE, MSI_COUNT),
            VfioPci.MSIX_IRQ,
            new IrqInfo(VfioPci.MSIX_IRQ, IrqInfo.EVENTFD | IrqInfo.NORESIZE | IrqInfo.MASKABLE, MSIX_COUNT),
            VfioPci.ERR_IRQ,
            new IrqInfo(VfioPci.ERR_IRQ, IrqInfo.EVENTFD, 1),
            VfioPci.REQ_IRQ,
            new IrqInfo(VfioPci.REQ_IRQ, IrqInfo.EVENTFD, 1)));

    final AtomicInteger opens = new AtomicInteger();
    final AtomicInteger releases = new AtomicInteger();
    final AtomicInteger resets = new AtomicInteger();
    final AtomicInteger accesses = new AtomicInteger();
    /** The DMA_UNMAP notifications that the device has received, by address. */
    final Map<Long, Long> unmapped = new ConcurrentSkipListMap<>();

    volatile Action onDoorbell = _ -> {};
    volatile Action onReset = _ -> {};
    volatile VfioNotifier.DmaUnmap onUnmap = (_, _) -> {};

    final byte[] bar0 = new byte[BAR0_SIZE];
    final byte[] config = new byte[CONFIG_SIZE];

    // Not made per access, which would allocate (AccessCostTest).
    private final MemorySegment registers = MemorySegment.ofArray(bar0);
    private final MemorySegment configSpace = MemorySegment.ofArray(config);
    private volatile @Nullable VfioContext context;
    private volatile @Nullable MemorySegment bar2;
    private volatile @Nullable MemorySegment bar3;

    /** The context of the device's user; only while the device is open. */
    VfioContext context() {
        return Objects.requireNonNull(context, "the card is not open");
    }

    /** The device's view of the memory of BAR2. */
    MemorySegment bar2() {
        return Objects.requireNonNull(bar2, "the card is not open");
    }

    MemorySegment bar3() {
        return Objects.requireNonNull(bar3, "the card is not open");
    }

    @Override
    public void open(VfioContext opened) throws ErrnoException {
        bar2 = opened.regionMemory(VfioPci.BAR2_REGION, BAR2_SIZE);
        bar3 = opened.regionMemory(VfioPci.BAR3_REGION, BAR3_SIZE);
        opened.registerNotifier((VfioNotifier.DmaUnmap) (iova, size) -> {
            unmapped.put(iova, size);
            onUnmap.dmaUnmap(iova, size);
        });
        context = opened;
        opens.incrementAndGet();
    }

    @Override
    public void release() {
        context = null;
        releases.incrementAndGet();
    }

    @Override
    public void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        accesses.incrementAndGet();
        switch (region) {
            case VfioPci.BAR0_REGION -> copy(registers, offset, data, dataOffset, length);
            case VfioPci.CONFIG_REGION -> copy(configSpace, offset, data, dataOffset, length);
            case VfioPci.BAR1_REGION -> {
                onDoorbell.run(context());
                data.asSlice(dataOffset, length).fill((byte) 0);
            }
            case VfioPci.BAR2_REGION -> copy(bar2(), offset, data, dataOffset, length);
            case VfioPci.BAR3_REGION -> copy(bar3(), offset, data, dataOffset, length);
            case VfioPci.BAR4_REGION -> {
                for (int i = 0; i < length; i++) {
                    data.set(ValueLayout.JAVA_BYTE, dataOffset + i, farByte(offset + i));
                }
            }
            default -> throw new ErrnoException(Errno.EINVAL);
        }
    }

    /** The contents at an address of the read-only BAR4. */
    static byte farByte(long offset) {
        return (byte) (offset ^ offset >>> 8 ^ offset >>> 16 ^ offset >>> 32);
    }

    @Override
    public void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        accesses.incrementAndGet();
        switch (region) {
            case VfioPci.BAR0_REGION -> copy(data, dataOffset, registers, offset, length);
            case VfioPci.CONFIG_REGION -> copy(data, dataOffset, configSpace, offset, length);
            case VfioPci.BAR1_REGION -> {
                rung.add(offset + "="
                        + HexFormat.of()
                                .formatHex(data.asSlice(dataOffset, length).toArray(ValueLayout.JAVA_BYTE)));
                onDoorbell.run(context());
            }
            case VfioPci.BAR2_REGION -> copy(data, dataOffset, bar2(), offset, length);
            case VfioPci.BAR3_REGION -> copy(data, dataOffset, bar3(), offset, length);
            case VfioPci.BAR4_REGION -> {}
            default -> throw new ErrnoException(Errno.EINVAL);
        }
    }

    private static void copy(MemorySegment from, long fromOffset, MemorySegment to, long toOffset, int length)
            throws ErrnoException {
        try {
            MemorySegment.copy(from, fromOffset, to, toOffset, length);
        } catch (IndexOutOfBoundsException e) {
            throw new ErrnoException(Errno.EINVAL, e.toString());
        }
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        return switch (request) {
            case GetInfo() -> new DeviceInfo(DeviceInfo.RESET | DeviceInfo.PCI, regions.size(), VfioPci.NUM_IRQS);
            case GetRegionInfo(int index) -> found(regions.get(index));
            case GetIrqInfo(int index) -> found(irqs.get(index));
            case GetRegionIoEvents(int index) ->
                new RegionIoEvents(index == VfioPci.BAR1_REGION ? DOORBELLS : List.of());
            case Reset() -> {
                resets.incrementAndGet();
                onReset.run(context());
                yield IoctlReply.DONE;
            }
            default -> throw new ErrnoException(Errno.ENOTTY);
        };
    }

    private static IoctlReply found(@Nullable IoctlReply reply) throws ErrnoException {
        if (reply == null) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return reply;
    }
}
