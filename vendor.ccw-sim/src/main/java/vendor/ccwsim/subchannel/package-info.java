/** A subchannel, and the driver that gives it to a user: Linux's vfio_ccw. */
@NullMarked
package vendor.ccwsim.subchannel;

import org.jspecify.annotations.NullMarked;
