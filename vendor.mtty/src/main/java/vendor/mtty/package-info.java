/** The sample: serial ports on a PCI card. */
@NullMarked
package vendor.mtty;

import org.jspecify.annotations.NullMarked;
