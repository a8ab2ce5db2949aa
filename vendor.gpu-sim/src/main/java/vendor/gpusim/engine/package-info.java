/**
 * The engine of a GPU: commands from rings in guest memory, their execution and scheduling. The data sheet is in
 * README.md.
 */
@NullMarked
package vendor.gpusim.engine;

import org.jspecify.annotations.NullMarked;
