/** The management tree as a file system, for any program: shells, mdevctl. */
@NullMarked
package mdev.fuse;

import org.jspecify.annotations.NullMarked;
