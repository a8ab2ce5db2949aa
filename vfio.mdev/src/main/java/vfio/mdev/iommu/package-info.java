/** The IOMMU back-ends {@code type1} and sPAPR TCE, and the translation API for vendors. */
@org.jspecify.annotations.NullMarked
package vfio.mdev.iommu;
