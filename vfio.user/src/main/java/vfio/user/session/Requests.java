package vfio.user.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.DirtyPages;
import mdev.api.vfio.DmaLoggingReport;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.IoEventFd;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.PeerEventFd;
import mdev.linux.Signaller;
import org.jspecify.annotations.Nullable;
import vfio.user.trace.MessageCounters;
import vfio.user.trace.TraceSwitch;
import vfio.user.wire.Command;
import vfio.user.wire.Dialect;
import vfio.user.wire.FeatureRequest;
import vfio.user.wire.InfoRequest;
import vfio.user.wire.Message;
import vfio.user.wire.RegionInfoRequest;
import vfio.user.wire.RegionIoFdsRequest;
import vfio.user.wire.SetIrqsRequest;

/**
 * The commands for the device itself: each makes the VFIO call that a VMM would make, and returns the length of the
 * reply's payload.
 */
final class Requests {
    /** {@code struct vfio_info_cap_header}. */
    private static final int CAP_HEADER = 8;

    /** The page size of the IOMMU's dirty tracking. */
    private static final long TRACKED_PAGE = 4096;

    /**
     * The limit of a report with larger pages, whose range the client could make arbitrarily long: the bits of 512 GiB.
     */
    private static final long MAX_TRACKED_BYTES = 16 << 20;

    private static final int CAP_SPARSE_MMAP = 1;
    private static final int CAP_TYPE = 2;

    private final VfioFiles device;
    private final Dialect dialect;
    private final int maxMsgFds;
    private final MessageCounters counters;
    private final TraceSwitch trace;
    private final Signaller signaller;
    private final DmaChannel dma;
    private final MigrationRequests migration;
    private boolean logging;

    /**
     * @param maxMsgFds the descriptors that the client accepts in a message
     * @param signaller signals the eventfds of the client
     */
    Requests(
            VfioFiles device,
            Dialect dialect,
            int maxMsgFds,
            ServedDevice served,
            DmaChannel dma,
            MigrationRequests migration,
            Signaller signaller) {
        this.device = device;
        this.maxMsgFds = maxMsgFds;
        this.dialect = dialect;
        this.counters = served.counters();
        this.trace = served.trace();
        this.signaller = signaller;
        this.dma = dma;
        this.migration = migration;
    }

    int getInfo(Message request, List<Fd> fds, Message reply) throws ErrnoException {
        InfoRequest.of(request, Command.DEVICE_GET_INFO, fds);
        reply.u32(0, InfoRequest.BYTES)
                .u32(4, device.info().flags())
                .u32(8, device.info().numRegions())
                .u32(12, device.info().numIrqs());
        return InfoRequest.BYTES;
    }

    int getIrqInfo(Message request, List<Fd> fds, Message reply) throws ErrnoException {
        int index = InfoRequest.of(request, Command.DEVICE_GET_IRQ_INFO, fds).index();
        if (index < 0 || index >= device.info().numIrqs()) {
            throw new ErrnoException(Errno.EINVAL, "interrupt index " + Integer.toUnsignedString(index));
        }
        reply.u32(0, InfoRequest.BYTES).u32(8, index);
        IrqInfo none = new IrqInfo(index, 0, 0);
        IrqInfo info = none;
        try {
            info = device.device().ioctl(new GetIrqInfo(index)) instanceof IrqInfo answer ? answer : none;
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EINVAL || dialect.refusesAbsentIrqs()) {
                throw e;
            }
        }
        reply.u32(4, info.flags()).u32(12, info.count());
        return InfoRequest.BYTES;
    }

    /** @param replyFds receives the region's file if the answer describes how to map it */
    int getRegionInfo(Message request, List<Fd> fds, Message reply, List<Fd> replyFds) throws ErrnoException {
        RegionInfoRequest wanted = RegionInfoRequest.of(request, fds);
        RegionInfo region = device.region(wanted.index());
        Fd file = mappable(region) ? file(wanted.index()) : null;
        List<RegionCapability> capabilities = file == null ? withoutMmap(region) : withMmap(region);
        int flags = (region.flags() & ~(RegionInfo.MMAP | RegionInfo.CAPS)) | (file == null ? 0 : RegionInfo.MMAP);
        int needed = RegionInfoRequest.BYTES
                + capabilities.stream().mapToInt(Requests::size).sum();
        // A client with too small an argsz receives the required size and asks again.
        boolean all = Integer.compareUnsigned(wanted.argsz(), needed) >= 0;
        boolean caps = all && !capabilities.isEmpty();
        reply.u32(0, needed)
                .u32(4, caps ? flags | RegionInfo.CAPS : flags)
                .u32(8, wanted.index())
                .u32(12, caps ? RegionInfoRequest.BYTES : 0)
                .u64(16, region.size())
                .u64(24, 0);
        if (file != null) {
            if (caps) {
                replyFds.add(file); // closed after it is sent
            } else {
                file.close();
            }
        }
        if (!all) {
            int room = wanted.argsz() - RegionInfoRequest.BYTES;
            reply.slice(RegionInfoRequest.BYTES, room).fill((byte) 0);
            return wanted.argsz();
        }
        int at = RegionInfoRequest.BYTES;
        for (RegionCapability capability : capabilities) {
            int next = at + size(capability);
            write(capability, reply, at, next < needed ? next : 0);
            at = next;
        }
        return needed;
    }

    private static boolean mappable(RegionInfo region) {
        return region.size() > 0 && (region.flags() & RegionInfo.MMAP) != 0;
    }

    /** Null if the device reports the region as mappable but has no memory for it. */
    private @Nullable Fd file(int index) throws ErrnoException {
        try {
            return Fd.adopt(device.device().regionFd(index));
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EINVAL) {
                return null;
            }
            throw e;
        }
    }

    private static List<RegionCapability> withoutMmap(RegionInfo region) {
        return region.size() == 0
                ? List.of()
                : region.capabilities().stream()
                        .filter(capability -> !(capability instanceof RegionCapability.SparseMmap))
                        .toList();
    }

    /** A region that is mappable as a whole is reported as one area, so that there is only one representation. */
    private static List<RegionCapability> withMmap(RegionInfo region) {
        List<RegionCapability> capabilities = new ArrayList<>(region.capabilities());
        if (capabilities.stream().noneMatch(RegionCapability.SparseMmap.class::isInstance)) {
            capabilities.addFirst(
                    new RegionCapability.SparseMmap(List.of(new RegionCapability.Area(0, region.size()))));
        }
        return capabilities;
    }

    private static int size(RegionCapability capability) {
        return switch (capability) {
            case RegionCapability.SparseMmap(List<RegionCapability.Area> areas) -> CAP_HEADER + 8 + areas.size() * 16;
            case RegionCapability.Type _ -> CAP_HEADER + 8;
        };
    }

    private static void write(RegionCapability capability, Message reply, int at, int next) {
        reply.u16(at + 2, 1).u32(at + 4, next);
        switch (capability) {
            case RegionCapability.SparseMmap(List<RegionCapability.Area> areas) -> {
                reply.u16(at, CAP_SPARSE_MMAP).u32(at + 8, areas.size()).u32(at + 12, 0);
                int to = at + 16;
                for (RegionCapability.Area area : areas) {
                    reply.u64(to, area.offset()).u64(to + 8, area.size());
                    to += 16;
                }
            }
            case RegionCapability.Type(int type, int subtype) ->
                reply.u16(at, CAP_TYPE).u32(at + 8, type).u32(at + 12, subtype);
        }
    }

    /**
     * Describes eventfds, as many as a message to the client carries; the client makes other writes by messages.
     *
     * @param replyFds receives the eventfds if the answer describes them
     */
    int getRegionIoFds(Message request, List<Fd> fds, Message reply, List<Fd> replyFds) throws ErrnoException {
        RegionIoFdsRequest wanted = RegionIoFdsRequest.of(request, fds);
        if (device.region(wanted.index()).size() == 0) {
            throw new ErrnoException(Errno.EINVAL, "no region " + wanted.index());
        }
        List<IoEventFd> events = device.device().regionIoFds(wanted.index(), maxMsgFds);
        events.forEach(event -> replyFds.add(Fd.adopt(event.fd()))); // closed when the answer is sent
        int needed = RegionIoFdsRequest.BYTES + events.size() * RegionIoFdsRequest.ENTRY;
        reply.u32(0, needed).u32(4, 0).u32(8, wanted.index()).u32(12, events.size());
        if (wanted.argsz() < needed) {
            replyFds.forEach(Fd::close);
            replyFds.clear();
            return RegionIoFdsRequest.BYTES;
        }
        for (int i = 0; i < events.size(); i++) {
            RegionIoFdsRequest.write(reply, i, events.get(i).event());
        }
        return needed;
    }

    int setIrqs(Message request, List<Fd> fds) throws ErrnoException {
        SetIrqsRequest set = SetIrqsRequest.of(request, fds);
        device.device().ioctl(new SetIrqs(set.flags(), set.index(), set.start(), set.count(), data(set, fds)));
        return 0;
    }

    private SetIrqs.Data data(SetIrqsRequest set, List<Fd> fds) throws ErrnoException {
        if ((set.flags() & SetIrqs.DATA_EVENTFD) == 0) {
            return set.bools().isEmpty() ? new SetIrqs.Data.None() : new SetIrqs.Data.Bools(set.bools());
        }
        if (fds.isEmpty()) {
            return new SetIrqs.Data.Triggers(Collections.nCopies(set.count(), null));
        }
        List<@Nullable IrqTrigger> triggers = new ArrayList<>();
        try {
            for (Fd fd : fds) {
                triggers.add(new EventFdTrigger(
                        PeerEventFd.adopt(fd, signaller), set.index(), set.start() + triggers.size(), counters, trace));
            }
        } catch (LinuxException e) {
            for (IrqTrigger trigger : triggers) {
                if (trigger != null) {
                    trigger.close();
                }
            }
            throw new ErrnoException(Errno.of(e.errno()), "SET_IRQS: " + e.getMessage());
        }
        return new SetIrqs.Data.Triggers(triggers);
    }

    int reset(Message request, List<Fd> fds) throws ErrnoException {
        if (request.payload() != 0 || !fds.isEmpty()) {
            throw new ErrnoException(Errno.EINVAL, "DEVICE_RESET: has a payload or descriptors");
        }
        dma.suspend(AddressRange.ALL); // a device that waits for the client would never reach its reset
        try {
            device.device().ioctl(new Reset());
        } finally {
            dma.resume();
        }
        return 0;
    }

    int feature(Message request, List<Fd> fds, Message reply) throws ErrnoException {
        FeatureRequest feature = FeatureRequest.of(request, fds);
        if (MigrationRequests.handles(feature)) {
            return migration.feature(feature, request, reply);
        }
        switch (feature.feature()) {
            case FeatureRequest.DMA_LOGGING_START, FeatureRequest.DMA_LOGGING_STOP -> feature.allow(FeatureRequest.SET);
            case FeatureRequest.DMA_LOGGING_REPORT -> feature.allow(FeatureRequest.GET);
            default -> throw unsupported(feature);
        }
        reply.copy(request, feature.is(FeatureRequest.PROBE) ? FeatureRequest.BYTES : request.payload());
        if (feature.is(FeatureRequest.PROBE)) {
            return FeatureRequest.BYTES;
        }
        return switch (feature.feature()) {
            case FeatureRequest.DMA_LOGGING_START -> {
                FeatureRequest.checkLoggingStart(request);
                if (logging) {
                    throw new ErrnoException(Errno.EINVAL, "DEVICE_FEATURE: DMA is logged already");
                }
                device.memory(DirtyPages.start());
                logging = true;
                reply.u64(FeatureRequest.BYTES, TRACKED_PAGE); // the client's page size is a hint
                yield request.payload();
            }
            case FeatureRequest.DMA_LOGGING_STOP -> {
                device.memory(DirtyPages.stop());
                logging = false;
                yield request.payload();
            }
            default -> report(FeatureRequest.LoggingReport.of(request), reply);
        };
    }

    private static ErrnoException unsupported(FeatureRequest feature) {
        return new ErrnoException(
                Errno.EINVAL,
                "DEVICE_FEATURE: feature %d has no operation 0x%x".formatted(feature.feature(), feature.operation()));
    }

    private int report(FeatureRequest.LoggingReport report, Message reply) throws ErrnoException {
        int bytes = (int) report.bitmapBytes();
        MemorySegment bitmap = reply.slice(FeatureRequest.LoggingReport.BITMAP, bytes);
        if (report.pageSize() == TRACKED_PAGE) {
            read(report, bitmap);
        } else {
            long tracked = DirtyBitmap.bytes((report.length() - 1) / TRACKED_PAGE + 1);
            if (tracked > MAX_TRACKED_BYTES) {
                throw new ErrnoException(Errno.EINVAL, "DEVICE_FEATURE: a report of " + report.length() + " bytes");
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment pages = arena.allocate(tracked);
                read(report, pages);
                PageBits.add(pages, TRACKED_PAGE, bitmap.fill((byte) 0), report.pageSize());
            }
        }
        int length = FeatureRequest.LoggingReport.BITMAP + bytes;
        reply.u32(0, length);
        return length;
    }

    private void read(FeatureRequest.LoggingReport report, MemorySegment pages) throws ErrnoException {
        device.memory(new DmaLoggingReport(report.iova(), report.length(), new DirtyBitmap(TRACKED_PAGE, pages)));
    }
}
