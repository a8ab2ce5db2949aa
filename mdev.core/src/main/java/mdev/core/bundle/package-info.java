/** The core as a bundle: what meets the framework. */
@NullMarked
package mdev.core.bundle;

import org.jspecify.annotations.NullMarked;
