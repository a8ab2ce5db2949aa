/** What lets calls in, and ends a thing once when the last call has left. */
@NullMarked
package vfio.mdev.gate;

import org.jspecify.annotations.NullMarked;
