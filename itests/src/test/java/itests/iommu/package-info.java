/** What {@link itests.IommuDriverIT} packs as a bundle of its own. */
@NullMarked
package itests.iommu;

import org.jspecify.annotations.NullMarked;
