/** Puts the file system into the tree of mounts and takes it out again. */
@NullMarked
package mdev.fuse.mount;

import org.jspecify.annotations.NullMarked;
