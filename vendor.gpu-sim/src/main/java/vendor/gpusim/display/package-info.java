/** What a guest shows: the display registers, the mode that they set, the picture. */
@NullMarked
package vendor.gpusim.display;

import org.jspecify.annotations.NullMarked;
