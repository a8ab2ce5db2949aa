package mdev.console;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** The configuration of the control socket; read by {@link Console}. */
@ObjectClassDefinition(name = "mdev.console", description = "The control socket of the platform")
@interface ConsoleConfig {
    String PID = "mdev.console";
    int MAX_COUNT = 10_000;
    int CLIENTS = 64;
    int LINES = 64;

    @AttributeDefinition(
            name = "Clients",
            description = "Number of clients that can be connected to the control socket",
            min = "1",
            max = "" + MAX_COUNT)
    int maxClients() default CLIENTS;

    @AttributeDefinition(
            name = "Queued lines",
            description = "Number of lines of one client that can wait while another one of it runs",
            min = "1",
            max = "" + MAX_COUNT)
    int maxQueuedLines() default LINES;
}
