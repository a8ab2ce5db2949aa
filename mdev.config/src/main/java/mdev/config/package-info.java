/** Reads and checks the configurations of components. */
@NullMarked
package mdev.config;

import org.jspecify.annotations.NullMarked;
