/** Reads and checks the configuration of components. */
@NullMarked
package mdev.config;

import org.jspecify.annotations.NullMarked;
