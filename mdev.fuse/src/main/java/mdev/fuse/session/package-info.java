/** Answers the kernel's requests from the management tree. */
@NullMarked
package mdev.fuse.session;

import org.jspecify.annotations.NullMarked;
