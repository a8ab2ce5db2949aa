/** A device and its handles: the path from a VFIO user to a vendor. */
@NullMarked
package vfio.mdev.device;

import org.jspecify.annotations.NullMarked;
