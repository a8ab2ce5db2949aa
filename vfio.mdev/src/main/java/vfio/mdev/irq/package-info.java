/** Interrupts of an open device: their triggers, masks and levels. */
@NullMarked
package vfio.mdev.irq;

import org.jspecify.annotations.NullMarked;
