/** The threads of this bundle. */
@NullMarked
package mdev.fuse.thread;

import org.jspecify.annotations.NullMarked;
