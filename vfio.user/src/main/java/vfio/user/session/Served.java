package vfio.user.session;

import java.time.Duration;
import mdev.api.vfio.Vfio;
import vfio.user.trace.Counters;
import vfio.user.trace.TraceSwitch;

/**
 * A device as its connections see it.
 *
 * @param name its UUID in lower case
 * @param group the number of its group
 * @param spins how often a connection looks for the next message before it blocks
 * @param answer how long a client may take to answer, or to take what it is sent
 */
public record Served(
        Vfio vfio, String name, int group, int spins, Duration answer, Counters counters, TraceSwitch trace) {}
