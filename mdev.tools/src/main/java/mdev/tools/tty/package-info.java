/** A VFIO user in Java: opens a device and drives a 16550A UART by interrupt. */
@NullMarked
package mdev.tools.tty;

import org.jspecify.annotations.NullMarked;
