/** The shell commands vfio:*. */
@NullMarked
package vfio.mdev.shell;

import org.jspecify.annotations.NullMarked;
