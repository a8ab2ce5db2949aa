/** Runs and checks the kernel document's walk-through of its sample. */
@NullMarked
package mdev.tools.demo;

import org.jspecify.annotations.NullMarked;
