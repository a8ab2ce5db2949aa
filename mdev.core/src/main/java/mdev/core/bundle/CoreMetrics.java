package mdev.core.bundle;

import static java.util.stream.Collectors.collectingAndThen;
import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;

import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import mdev.api.metrics.Metric;
import mdev.api.metrics.Metric.Sample;
import mdev.api.metrics.MetricSource;
import mdev.core.MdevCore;
import mdev.core.MdevDevice;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** The numbers of parents, devices and drivers, and of the faults of vendors. */
@Component
public final class CoreMetrics implements MetricSource {
    private final CoreComponent component;

    @Activate
    public CoreMetrics(@Reference CoreComponent component) {
        this.component = component;
    }

    @Override
    public List<Metric> metrics() {
        MdevCore core = component.core();
        return List.of(
                Metric.gauge(
                        "mdev_parents",
                        "Registered parent devices.",
                        core.parents().size()),
                Metric.gauge("mdev_devices", "Mediated devices.", byType(core, _ -> true)),
                Metric.gauge(
                        "mdev_devices_open",
                        "Mediated devices in use.",
                        byType(core, device -> device.user().isPresent())),
                Metric.gauge(
                        "mdev_driver_devices",
                        "Mediated devices bound to a driver of the bus.",
                        core.drivers().stream()
                                .map(driver -> new Sample(
                                        Map.of("driver", driver.name()),
                                        driver.devices().size()))
                                .toList()),
                Metric.counter(
                        "mdev_module_faults",
                        "Exceptions other than an errno that a module threw.",
                        core.modules().stream()
                                .map(module -> new Sample(
                                        Map.of("module", module.name()),
                                        module.owner().faults()))
                                .toList()));
    }

    private static List<Sample> byType(MdevCore core, Predicate<MdevDevice> counted) {
        return core.devices().stream()
                .filter(counted)
                .collect(collectingAndThen(
                        groupingBy(
                                device -> Map.of("parent", device.parent().name(), "type", device.typeId()),
                                counting()),
                        counts -> counts.entrySet().stream()
                                .map(count -> new Sample(count.getKey(), count.getValue()))
                                .toList()));
    }
}
