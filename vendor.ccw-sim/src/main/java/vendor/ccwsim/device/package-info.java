/** The devices behind the subchannels. */
@NullMarked
package vendor.ccwsim.device;

import org.jspecify.annotations.NullMarked;
