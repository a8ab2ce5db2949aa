/** The memory behind DMA mappings: the four kinds of user memory, and their page numbers. */
@org.jspecify.annotations.NullMarked
package vfio.mdev.iommu.memory;
