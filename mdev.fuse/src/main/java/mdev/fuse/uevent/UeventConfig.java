package mdev.fuse.uevent;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of the stream of uevents; read by {@link UeventStream}. */
@ObjectClassDefinition(name = "mdev.fuse.uevents", description = "The stream of uevents")
@interface UeventConfig {
    String PID = "mdev.fuse.uevents";
    int MAX_READERS = 10_000;
    int READERS = 256;

    @AttributeDefinition(
            name = "Readers",
            description = "Number of readers of the stream; more are disconnected",
            min = "1",
            max = "" + MAX_READERS)
    int maxReaders() default READERS;
}
