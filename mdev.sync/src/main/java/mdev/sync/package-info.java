/** Waits with deadlines, and calls of foreign code that may throw or hang. */
@NullMarked
package mdev.sync;

import org.jspecify.annotations.NullMarked;
