/**
 * The engine of a GPU: what it is told by rings in guest memory, and whose turn it is. The data sheet is in README.md.
 */
@NullMarked
package vendor.gpusim.engine;

import org.jspecify.annotations.NullMarked;
