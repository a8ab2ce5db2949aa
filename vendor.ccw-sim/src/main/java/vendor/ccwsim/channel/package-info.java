/** The channel subsystem: executes channel programs (z/Architecture Principles of Operation, chapters 13 to 17). */
@NullMarked
package vendor.ccwsim.channel;

import org.jspecify.annotations.NullMarked;
