/** The migration of a device: its states, and the stream of its state. */
@NullMarked
package vfio.mdev.migration;

import org.jspecify.annotations.NullMarked;
