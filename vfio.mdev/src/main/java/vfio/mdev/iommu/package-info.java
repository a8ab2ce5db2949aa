/** The IOMMU back-ends {@code type1} and sPAPR TCE, and the translation API that they give to vendors. */
@org.jspecify.annotations.NullMarked
package vfio.mdev.iommu;
