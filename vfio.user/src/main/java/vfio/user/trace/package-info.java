/** What happens on a device, for people who develop it: counters, and a trace of every message. */
@NullMarked
package vfio.user.trace;

import org.jspecify.annotations.NullMarked;
