/** Controlled access to foreign code: the calls inside, admission of new calls, and the detection of quiet. */
@NullMarked
package mdev.core.slot;

import org.jspecify.annotations.NullMarked;
