/** The commands {@code gpu:*}. */
@NullMarked
package vendor.gpusim.shell;

import org.jspecify.annotations.NullMarked;
