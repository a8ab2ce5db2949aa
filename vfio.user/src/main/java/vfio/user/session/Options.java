package vfio.user.session;

import java.time.Duration;

/**
 * How devices are served.
 *
 * @param spins how often a connection looks for the next message before it blocks: more costs processor time, fewer
 *     cost latency
 * @param takeOver how long a new client waits for the end of the one before it, which may just have ended
 * @param leave how long the removal of a device waits for its connection to end
 * @param answer how long a client may take to answer a DMA_READ or DMA_WRITE, or to take what it is sent
 */
public record Options(int spins, Duration takeOver, Duration leave, Duration answer) {}
