/** A vendor with the parts of an accelerator's emulator, which {@link itests.vm} packages as a bundle. */
@NullMarked
package itests.accelerator;

import org.jspecify.annotations.NullMarked;
