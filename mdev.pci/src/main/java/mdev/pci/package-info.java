/** Toolkit for vendors of PCI devices; copied into each vendor bundle, never installed. */
@NullMarked
package mdev.pci;

import org.jspecify.annotations.NullMarked;
