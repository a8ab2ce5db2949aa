/** The sockets on which devices are served. */
@NullMarked
package vfio.user.server;

import org.jspecify.annotations.NullMarked;
