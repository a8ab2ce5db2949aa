/** The kernel document's walk-through of its sample, performed and checked. */
@NullMarked
package mdev.tools.demo;

import org.jspecify.annotations.NullMarked;
