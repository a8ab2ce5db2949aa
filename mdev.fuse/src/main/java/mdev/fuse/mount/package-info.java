/** Mounts and unmounts the file system. */
@NullMarked
package mdev.fuse.mount;

import org.jspecify.annotations.NullMarked;
