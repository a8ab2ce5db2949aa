/** The shell: command lines from a terminal, a script or the control socket. */
@NullMarked
package mdev.console;

import org.jspecify.annotations.NullMarked;
