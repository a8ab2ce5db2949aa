/** The users of an object and the calls of a notifier, so that its end waits for them. */
@NullMarked
package vfio.mdev.usage;

import org.jspecify.annotations.NullMarked;
