package vfio.user;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of the server; read by {@link VfioUser}. */
@ObjectClassDefinition(name = "vfio.user", description = "The vfio-user server")
@interface VfioUserConfig {
    String PID = "vfio.user";
    int MAX_SPINS = 1_000_000;
    int MAX_TIMEOUT = 600_000;
    int SPINS = 100;
    int TAKE_OVER_TIMEOUT = 2_000;
    int LEAVE_TIMEOUT = 1_000;
    int ANSWER_TIMEOUT = 2_000;
    int MAX_COUNT = 1_000_000;
    int MAX_FILE_SIZE = 1 << 20;
    int VERSION_TIMEOUT = 5_000;
    int CONNECTIONS = 1_024;
    int FILES = 64;
    int FILE_SIZE = 4_096;
    int RESERVED = 512;
    String SOCKET_MODE = "0600";

    @AttributeDefinition(
            name = "Spins",
            description = "Number of times that a connection polls for the next message, at most, before it blocks",
            min = "0",
            max = "" + MAX_SPINS)
    int spins() default SPINS;

    @AttributeDefinition(
            name = "Take-over timeout",
            description = "Milliseconds that a new client waits for the end of the previous one",
            min = "0",
            max = "" + MAX_TIMEOUT)
    int takeOverTimeout() default TAKE_OVER_TIMEOUT;

    @AttributeDefinition(
            name = "Leave timeout",
            description = "Milliseconds that the removal of a device waits for its connection to end",
            min = "0",
            max = "" + MAX_TIMEOUT)
    int leaveTimeout() default LEAVE_TIMEOUT;

    @AttributeDefinition(
            name = "Answer timeout",
            description = "Milliseconds that a client may take to answer a request or to receive a message",
            min = "1",
            max = "" + MAX_TIMEOUT)
    int answerTimeout() default ANSWER_TIMEOUT;

    @AttributeDefinition(
            name = "Version timeout",
            description = "Milliseconds after which the VERSION of a new client must be complete",
            min = "1",
            max = "" + MAX_TIMEOUT)
    int versionTimeout() default VERSION_TIMEOUT;

    @AttributeDefinition(
            name = "Connections",
            description = "Number of clients that can be connected to all devices together",
            min = "1",
            max = "" + MAX_COUNT)
    int maxConnections() default CONNECTIONS;

    @AttributeDefinition(
            name = "Files",
            description = "Number of files with memory that one client can map",
            min = "1",
            max = "" + MAX_COUNT)
    int maxFiles() default FILES;

    @AttributeDefinition(
            name = "File size",
            description = "Size in GiB of the files that one client can map",
            min = "1",
            max = "" + MAX_FILE_SIZE)
    int maxFileSize() default FILE_SIZE;

    @AttributeDefinition(
            name = "Reserved descriptors",
            description = "Number of descriptors that clients leave to the process, at most half of RLIMIT_NOFILE",
            min = "0",
            max = "" + MAX_COUNT)
    int reservedDescriptors() default RESERVED;

    @AttributeDefinition(name = "Group", description = "Group of the devices' sockets, by name or number")
    String group() default "";

    @AttributeDefinition(name = "Socket mode", description = "Mode of the devices' sockets, in octal")
    String socketMode() default SOCKET_MODE;
}
