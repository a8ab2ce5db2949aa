/** Streams uevents to programs. */
@NullMarked
package mdev.fuse.uevent;

import org.jspecify.annotations.NullMarked;
