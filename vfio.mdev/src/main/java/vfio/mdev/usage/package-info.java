/** Counts the users of an object, so that its end action runs once. */
@NullMarked
package vfio.mdev.usage;

import org.jspecify.annotations.NullMarked;
