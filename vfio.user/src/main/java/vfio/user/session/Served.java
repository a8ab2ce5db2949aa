package vfio.user.session;

import mdev.api.vfio.Vfio;
import vfio.user.trace.Counters;
import vfio.user.trace.TraceSwitch;

/**
 * A device as its connections see it.
 *
 * @param name its UUID in lower case
 * @param group the number of its group
 * @param spins how often a connection looks for the next message before it blocks
 */
public record Served(Vfio vfio, String name, int group, int spins, Counters counters, TraceSwitch trace) {}
