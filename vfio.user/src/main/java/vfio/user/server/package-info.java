/** The sockets that clients find devices on. */
@NullMarked
package vfio.user.server;

import org.jspecify.annotations.NullMarked;
