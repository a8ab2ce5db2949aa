/** VFIO containers and their IOMMU back-ends. */
@NullMarked
package vfio.mdev.container;

import org.jspecify.annotations.NullMarked;
