/** What stands behind DMA mappings: the four kinds of user memory, and the numbers of their pages. */
@org.jspecify.annotations.NullMarked
package vfio.mdev.iommu.memory;
