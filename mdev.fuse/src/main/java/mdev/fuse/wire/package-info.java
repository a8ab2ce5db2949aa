/** The messages of the FUSE protocol ({@code include/uapi/linux/fuse.h}): layouts, no behaviour. */
@NullMarked
package mdev.fuse.wire;

import org.jspecify.annotations.NullMarked;
