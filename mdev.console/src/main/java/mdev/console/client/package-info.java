/** The other end of the control socket: a program of its own. */
@NullMarked
package mdev.console.client;

import org.jspecify.annotations.NullMarked;
