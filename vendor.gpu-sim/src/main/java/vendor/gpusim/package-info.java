/** A simulated GPU with vGPU types. */
@NullMarked
package vendor.gpusim;

import org.jspecify.annotations.NullMarked;
