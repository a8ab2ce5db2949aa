/** Classes packed into the test bundles. */
@NullMarked
package mdev.console.bundle.broken;

import org.jspecify.annotations.NullMarked;
