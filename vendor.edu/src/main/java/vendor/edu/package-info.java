/** QEMU's educational device. */
@NullMarked
package vendor.edu;

import org.jspecify.annotations.NullMarked;
