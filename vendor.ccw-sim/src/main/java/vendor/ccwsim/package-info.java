/** Simulated s390 subchannels. */
@NullMarked
package vendor.ccwsim;

import org.jspecify.annotations.NullMarked;
