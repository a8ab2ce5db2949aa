/** The core as a bundle: its connection to the framework. */
@NullMarked
package mdev.core.bundle;

import org.jspecify.annotations.NullMarked;
