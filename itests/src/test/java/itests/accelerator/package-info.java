/** A vendor that declares what emulators of accelerators declare, which {@link itests.vm} packages as a bundle. */
@NullMarked
package itests.accelerator;

import org.jspecify.annotations.NullMarked;
