/** Toolkit for vendors of devices of any bus; copied into each vendor bundle, never installed. */
@NullMarked
package mdev.device;

import org.jspecify.annotations.NullMarked;
