/** The command vfio:trace. */
@NullMarked
package vfio.user.shell;

import org.jspecify.annotations.NullMarked;
