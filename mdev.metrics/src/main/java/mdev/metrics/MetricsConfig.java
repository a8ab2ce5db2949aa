package mdev.metrics;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of the metrics; read by {@link Metrics}. */
@ObjectClassDefinition(name = "mdev.metrics", description = "The metrics for a scraper")
@interface MetricsConfig {
    String PID = "mdev.metrics";
    int MAX_PORT = 65_535;

    @AttributeDefinition(
            name = "Port",
            description = "TCP port of the loopback interface; 0 for none",
            min = "0",
            max = "" + MAX_PORT)
    int port() default 0;
}
