package mdev.api.metrics;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** A bundle's metrics: a service, read at each scrape. */
@ConsumerType
@FunctionalInterface
public interface MetricSource {
    /** The current values; called on a thread of the scrape, which waits only for a short time. */
    List<Metric> metrics();
}
