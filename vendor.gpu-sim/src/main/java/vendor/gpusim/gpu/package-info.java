/** A GPU and its vGPUs. */
@NullMarked
package vendor.gpusim.gpu;

import org.jspecify.annotations.NullMarked;
