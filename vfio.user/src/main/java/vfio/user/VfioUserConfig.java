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

    @AttributeDefinition(
            name = "Spins",
            description = "Number of times that a connection polls for the next message before it blocks",
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
}
