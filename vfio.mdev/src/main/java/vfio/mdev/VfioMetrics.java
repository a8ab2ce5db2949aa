package vfio.mdev;

import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import mdev.api.metrics.Metric;
import mdev.api.metrics.Metric.Sample;
import mdev.api.metrics.MetricSource;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import vfio.mdev.device.GroupDevice;
import vfio.mdev.group.Group;

/** The groups, and the DMA and the mapped memory of the open devices. */
@Component
public final class VfioMetrics implements MetricSource {
    private final VfioMdev vfio;

    @Activate
    public VfioMetrics(@Reference VfioMdev vfio) {
        this.vfio = vfio;
    }

    @Override
    public List<Metric> metrics() {
        List<Group.State> groups = vfio.states();
        List<GroupDevice> devices = groups.stream()
                .flatMap(group -> Stream.ofNullable(group.device()))
                .filter(device -> device.isOpen()
                        || device.moved().readBytes() + device.moved().writtenBytes() > 0)
                .toList();
        return List.of(
                Metric.gauge("vfio_groups", "VFIO groups.", groups.size()),
                Metric.gauge(
                        "vfio_groups_open",
                        "VFIO groups with a holder.",
                        groups.stream()
                                .filter(group -> !group.holder().isEmpty())
                                .count()),
                dma(
                        "vfio_dma_read_bytes",
                        "Bytes of user memory that a device has read.",
                        devices,
                        device -> device.moved().readBytes()),
                dma(
                        "vfio_dma_written_bytes",
                        "Bytes of user memory that a device has written.",
                        devices,
                        device -> device.moved().writtenBytes()),
                memory("vfio_mapped_bytes", "User memory mapped for a container.", groups, true),
                memory("vfio_pinned_pages", "Pages of user memory pinned in a container.", groups, false));
    }

    private static Metric dma(String name, String help, List<GroupDevice> devices, ToLongFunction<GroupDevice> value) {
        return Metric.counter(
                name,
                help,
                devices.stream()
                        .map(device -> new Sample(Map.of("device", device.name()), value.applyAsLong(device)))
                        .toList());
    }

    private static Metric memory(String name, String help, List<Group.State> groups, boolean mapped) {
        return Metric.gauge(
                name,
                help,
                groups.stream()
                        .flatMap(group -> Stream.ofNullable(group.container()))
                        .distinct()
                        .flatMap(container -> container.iommuState().stream()
                                .map(state -> new Sample(
                                        Map.of("container", String.valueOf(container.id())),
                                        mapped ? state.mappedBytes() : state.pinnedPages())))
                        .toList());
    }
}
