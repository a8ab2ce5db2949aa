/** One client: its connection and the VFIO files that it holds open. */
@NullMarked
package vfio.user.session;

import org.jspecify.annotations.NullMarked;
