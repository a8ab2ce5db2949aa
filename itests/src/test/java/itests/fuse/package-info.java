/** The tree as a file system, used by other processes: shells, mdevctl. */
@NullMarked
package itests.fuse;

import org.jspecify.annotations.NullMarked;
