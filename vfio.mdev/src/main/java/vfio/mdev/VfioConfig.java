package vfio.mdev;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of VFIO; read by {@link VfioMdev}. */
@ObjectClassDefinition(name = "vfio.mdev", description = "VFIO and its bus driver for mediated devices")
@interface VfioConfig {
    String PID = "vfio.mdev";
    int MAX_TIMEOUT = 3_600_000;
    int TIMEOUT = 1_000;
    int MOST_REGION_MEMORY = 65_536;
    int REGION_MEMORY = 32_768;
    int MOST_MAPPINGS = 100_000_000;
    int MAPPINGS = 262_144;
    int MAX_FILES = 1_000_000;
    int FILES = 16_384;
    int MAX_FILE_SIZE = 1 << 20;
    int FILE_SIZE = 64 << 10;

    @AttributeDefinition(
            name = "Request timeout",
            description = "Milliseconds that a removal waits for a user with an armed REQ interrupt",
            min = "0",
            max = "" + MAX_TIMEOUT)
    int requestTimeout() default TIMEOUT;

    @AttributeDefinition(
            name = "Region memory",
            description = "Size in GiB of the mappable memory that the regions of all open devices together can have",
            min = "0",
            max = "" + MOST_REGION_MEMORY)
    int maxRegionMemory() default REGION_MEMORY;

    @AttributeDefinition(
            name = "Mappings",
            description = "Number of mappings of memory for DMA that all users together can have",
            min = "1",
            max = "" + MOST_MAPPINGS)
    int maxMappings() default MAPPINGS;

    @AttributeDefinition(
            name = "Files",
            description = "Number of files with memory that all users together can have mapped or open",
            min = "1",
            max = "" + MAX_FILES)
    int maxFiles() default FILES;

    @AttributeDefinition(
            name = "File size",
            description = "Size in GiB of the files that all users together can have mapped",
            min = "1",
            max = "" + MAX_FILE_SIZE)
    int maxFileSize() default FILE_SIZE;
}
