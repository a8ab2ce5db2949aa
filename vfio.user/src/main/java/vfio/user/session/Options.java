package vfio.user.session;

import java.time.Duration;

/**
 * The options for serving devices.
 *
 * @param spins the number of times that a connection polls for the next message, at most, before it blocks
 * @param takeOver how long a new client waits for the end of the previous one, which may not have been detected yet
 * @param leave how long the removal of a device waits for its connection to end
 * @param answer how long a client may take to answer a DMA_READ or DMA_WRITE, or to receive a message
 * @param version how long a client may take until its VERSION is complete
 * @param access the group and mode of the sockets
 * @param limits the limits of the resources that clients can make this process hold
 */
public record Options(
        int spins,
        Duration takeOver,
        Duration leave,
        Duration answer,
        Duration version,
        SocketAccess access,
        ClientLimits limits) {}
