/** Serves each VFIO device on a UNIX socket with the vfio-user protocol. */
@NullMarked
package vfio.user;

import org.jspecify.annotations.NullMarked;
