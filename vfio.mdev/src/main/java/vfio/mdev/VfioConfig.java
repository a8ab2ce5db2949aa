package vfio.mdev;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of VFIO; read by {@link VfioMdev}. */
@ObjectClassDefinition(name = "vfio.mdev", description = "VFIO and its bus driver for mediated devices")
@interface VfioConfig {
    String PID = "vfio.mdev";
    int MAX_TIMEOUT = 3_600_000;
    int TIMEOUT = 1_000;

    @AttributeDefinition(
            name = "Request timeout",
            description = "Milliseconds that a removal waits for a user with an armed REQ interrupt",
            min = "0",
            max = "" + MAX_TIMEOUT)
    int requestTimeout() default TIMEOUT;
}
