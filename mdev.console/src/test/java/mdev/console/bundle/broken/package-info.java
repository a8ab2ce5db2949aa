/** What bundles of tests are made of. */
@NullMarked
package mdev.console.bundle.broken;

import org.jspecify.annotations.NullMarked;
