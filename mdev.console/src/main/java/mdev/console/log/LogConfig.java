package mdev.console.log;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of the log; read by {@link LogLevels}. */
@ObjectClassDefinition(name = "mdev.log", description = "The platform's log")
@interface LogConfig {
    String PID = "mdev.log";
    String STANDARD = "info mdev=debug vfio=debug";
    String OSGI_STANDARD = "warn";

    @AttributeDefinition(
            name = "Levels",
            description = "A level, and levels of classes by the prefix of their names, separated by spaces")
    String levels() default STANDARD;

    @AttributeDefinition(
            name = "Levels of the OSGi log",
            description = "As levels, of loggers of bundles that log to the OSGi log")
    String osgiLevels() default OSGI_STANDARD;
}
