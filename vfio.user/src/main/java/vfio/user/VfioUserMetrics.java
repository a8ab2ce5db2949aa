package vfio.user;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import mdev.api.metrics.Metric;
import mdev.api.metrics.Metric.Sample;
import mdev.api.metrics.MetricSource;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** The counters of {@code vfio:info} for each device that has had a client. */
@Component
public final class VfioUserMetrics implements MetricSource {
    private static final String ERRORS = "errors";

    private final VfioUser server;

    @Activate
    public VfioUserMetrics(@Reference VfioUser server) {
        this.server = server;
    }

    @Override
    public List<Metric> metrics() {
        Map<String, List<Sample>> samples = new LinkedHashMap<>();
        server.counters()
                .forEach((device, counters) -> counters.forEach((name, value) -> {
                    List<Sample> found = samples.computeIfAbsent(name, _ -> new ArrayList<>());
                    if (value instanceof Map<?, ?> byErrno) {
                        byErrno.forEach((errno, count) -> found.add(new Sample(
                                Map.of("device", device, "errno", errno.toString()), ((Number) count).doubleValue())));
                    } else if (value instanceof Number count) {
                        found.add(new Sample(Map.of("device", device), count.doubleValue()));
                    }
                }));
        return samples.entrySet().stream()
                .map(entry -> Metric.counter("vfio_user_" + entry.getKey(), help(entry.getKey()), entry.getValue()))
                .toList();
    }

    private static String help(String name) {
        return switch (name) {
            case "connections" -> "Clients that connected.";
            case ERRORS -> "Commands that failed, by errno.";
            case "interrupts" -> "Interrupts sent to clients.";
            default -> "The clients' " + name.replace('_', ' ') + ".";
        };
    }
}
