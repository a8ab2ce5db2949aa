/** What {@code include/uapi/linux/vfio.h} says about the devices of each API. */
@NullMarked
package vfio.mdev.uapi;

import org.jspecify.annotations.NullMarked;
