/** VFIO core (groups, containers, IOMMU back-ends) and the bus driver for mediated devices. */
@NullMarked
package vfio.mdev;

import org.jspecify.annotations.NullMarked;
