/** The control socket of a run directory: its protocol, and the server. */
@NullMarked
package mdev.console.control;

import org.jspecify.annotations.NullMarked;
