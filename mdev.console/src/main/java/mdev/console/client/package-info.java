/** The client of the control socket: a separate program. */
@NullMarked
package mdev.console.client;

import org.jspecify.annotations.NullMarked;
