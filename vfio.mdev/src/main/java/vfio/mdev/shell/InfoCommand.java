package vfio.mdev.shell;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.StringJoiner;
import java.util.function.Supplier;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.DeviceDetails;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.shell.UnknownNameException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IommuState;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionInfo;
import org.jspecify.annotations.Nullable;
import vfio.mdev.VfioMdev;
import vfio.mdev.container.Container;
import vfio.mdev.device.GroupDevice;
import vfio.mdev.group.Group;
import vfio.mdev.irq.IrqTable;
import vfio.mdev.uapi.DeviceApi;

/** {@code vfio:info}. */
final class InfoCommand implements ShellCommand.Action {
    /** The maximum number of listed regions and interrupt kinds; a vendor's further ones are ignored. */
    private static final int MOST = 100;

    private final VfioMdev vfio;
    private final Supplier<List<DeviceDetails>> details;

    /** @param details the current providers of further details of a device */
    InfoCommand(VfioMdev vfio, Supplier<List<DeviceDetails>> details) {
        this.vfio = vfio;
        this.details = details;
    }

    ShellCommand command() {
        return ShellCommand.of(
                "vfio",
                "info",
                "shows a device's regions, interrupts and user",
                this,
                Parameter.one("uuid", (_, _) -> vfio.byDevice().keySet()));
    }

    @Override
    public ShellResult run(ShellInvocation invocation) throws ErrnoException {
        String uuid = invocation.arguments().getFirst();
        String name = uuid.toLowerCase(Locale.ROOT);
        Map<String, Group.State> groups = vfio.byDevice();
        Group.State group = groups.get(name);
        GroupDevice device = group == null ? null : group.device();
        if (group == null || device == null) {
            throw UnknownNameException.among(
                    Errno.ENODEV, "no device '" + uuid + "' is bound to vfio_mdev", name, groups.keySet());
        }
        DeviceApi api = DeviceApi.of(device.mdev().deviceApi());
        SequencedMap<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("uuid", device.name());
        fields.put("parent", device.mdev().parent().name());
        fields.put("type", device.mdev().typeId());
        fields.put("device_api", device.mdev().deviceApi());
        fields.put("group", group.number());
        fields.put("user", device.isOpen() ? group.holder() : null);
        Map<Integer, IrqTable.KindState> states = new LinkedHashMap<>();
        device.irqs().forEach(kind -> states.put(kind.index(), kind));
        device.inspect(open -> {
            DeviceInfo info = (DeviceInfo) open.ioctl(new GetInfo());
            fields.put("regions", rows(info.numRegions(), index -> region(open, index, api)));
            fields.put("irqs", rows(info.numIrqs(), index -> irq(open, index, api, states)));
            return info;
        });
        Container container = group.container();
        if (container != null) {
            fields.put("iommu", container.iommuName());
            container.iommuState().ifPresent(state -> memory(fields, state));
        }
        fields.put("dma_read_bytes", device.moved().readBytes());
        fields.put("dma_write_bytes", device.moved().writtenBytes());
        details.get().forEach(more -> fields.putAll(more.statistics(device.name())));
        return new ShellResult.Details(fields);
    }

    private static @Nullable Map<String, @Nullable Object> region(GroupDevice.Ioctl device, int index, DeviceApi api)
            throws ErrnoException {
        if (!(device.ioctl(new GetRegionInfo(index)) instanceof RegionInfo region) || region.size() == 0) {
            return null;
        }
        Map<String, @Nullable Object> row = new LinkedHashMap<>();
        row.put("index", index);
        row.put("name", api.name(region));
        row.put("size", region.size());
        row.put("flags", flags(region.flags(), List.of("read", "write", "mmap", "caps")));
        return row;
    }

    private static @Nullable Map<String, @Nullable Object> irq(
            GroupDevice.Ioctl device, int index, DeviceApi api, Map<Integer, IrqTable.KindState> states)
            throws ErrnoException {
        if (!(device.ioctl(new GetIrqInfo(index)) instanceof IrqInfo irq) || irq.count() == 0) {
            return null;
        }
        IrqTable.KindState state = states.getOrDefault(index, new IrqTable.KindState(index, 0, 0, 0));
        Map<String, @Nullable Object> row = new LinkedHashMap<>();
        row.put("index", index);
        row.put("name", api.irqName(index));
        row.put("count", irq.count());
        row.put("armed", state.armed());
        row.put("masked", state.masked());
        row.put("flags", flags(irq.flags(), List.of("eventfd", "maskable", "automasked", "noresize")));
        return row;
    }

    private interface Row {
        @Nullable
        Map<String, @Nullable Object> of(int index) throws ErrnoException;
    }

    private static List<Map<String, @Nullable Object>> rows(int count, Row row) {
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        for (int index = 0; index < Math.min(count, MOST); index++) {
            try {
                Map<String, @Nullable Object> made = row.of(index);
                if (made != null) {
                    rows.add(made);
                }
            } catch (ErrnoException e) {
                // an index that the device does not have
            }
        }
        return rows;
    }

    private static void memory(SequencedMap<String, @Nullable Object> fields, IommuState state) {
        fields.put("iommu", state.iommu());
        fields.put("mappings", state.mappings());
        fields.put("mapped_bytes", state.mappedBytes());
        fields.put("pinned_pages", state.pinnedPages());
        fields.put("ranges", state.ranges());
        fields.put("dirty_tracking", state.dirtyTracking());
        fields.put("dirty_pages", state.dirtyPages());
    }

    private static String flags(int flags, List<String> names) {
        StringJoiner set = new StringJoiner(" ");
        for (int bit = 0; bit < names.size(); bit++) {
            if ((flags >> bit & 1) != 0) {
                set.add(names.get(bit));
            }
        }
        return set.toString();
    }
}
