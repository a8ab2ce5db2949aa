/** Counters and a message trace of a device, for its developers. */
@NullMarked
package vfio.user.trace;

import org.jspecify.annotations.NullMarked;
