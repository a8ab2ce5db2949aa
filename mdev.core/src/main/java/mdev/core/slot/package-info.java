/** The doors into foreign code: who is inside, who may come in, and when it is quiet. */
@NullMarked
package mdev.core.slot;

import org.jspecify.annotations.NullMarked;
