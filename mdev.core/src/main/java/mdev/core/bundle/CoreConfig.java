package mdev.core.bundle;

import mdev.core.Limits;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of the core; read by {@link CoreComponent}. */
@ObjectClassDefinition(name = "mdev.core", description = "The mediated core")
@interface CoreConfig {
    String PID = "mdev.core";
    int MAX_TIMEOUT = 3_600_000;

    @AttributeDefinition(
            name = "Removal timeout",
            description = "Time limit in ms of a removal or unregistration for drivers, users and vendors together",
            min = "0",
            max = "" + MAX_TIMEOUT)
    int removalTimeout() default Limits.STANDARD_MILLIS;

    @AttributeDefinition(
            name = "Update timeout",
            description = "Time limit in ms of a live update, and again for going back to the old version",
            min = "1",
            max = "" + MAX_TIMEOUT)
    int updateTimeout() default Limits.UPDATE_MILLIS;
}
