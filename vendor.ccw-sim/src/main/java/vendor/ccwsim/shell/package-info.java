/** The shell commands. */
@NullMarked
package vendor.ccwsim.shell;

import org.jspecify.annotations.NullMarked;
