/** VFIO groups and their numbers. */
@NullMarked
package vfio.mdev.group;

import org.jspecify.annotations.NullMarked;
