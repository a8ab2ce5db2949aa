/** The state of a device as bytes. */
@NullMarked
package mdev.state;

import org.jspecify.annotations.NullMarked;
