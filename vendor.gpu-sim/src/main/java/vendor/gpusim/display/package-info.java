/** The display of a guest: its registers, its mode and its picture. */
@NullMarked
package vendor.gpusim.display;

import org.jspecify.annotations.NullMarked;
