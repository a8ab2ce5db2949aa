/** Counts who uses a thing, so that it ends once. */
@NullMarked
package vfio.mdev.usage;

import org.jspecify.annotations.NullMarked;
