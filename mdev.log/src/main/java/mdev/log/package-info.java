/** The levels of the log. */
@NullMarked
package mdev.log;

import org.jspecify.annotations.NullMarked;
