package mdev.fuse;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of the mounted tree; read by {@link Fuse}. */
@ObjectClassDefinition(name = "mdev.fuse", description = "The mounted tree")
@interface FuseConfig {
    String PID = "mdev.fuse";
    int MOST = 1_000_000;
    int CALLS = 1_024;
    int FILES = 65_536;

    @AttributeDefinition(
            name = "Calls",
            description = "Number of reads and writes of attributes that can wait for vendors, with a thread each",
            min = "1",
            max = "" + MOST)
    int maxCalls() default CALLS;

    @AttributeDefinition(
            name = "Open files",
            description = "Number of files and directories of the tree that can be open",
            min = "1",
            max = "" + MOST)
    int maxOpenFiles() default FILES;
}
