/** The classes that {@link itests.IommuDriverIT} packages as a separate bundle. */
@NullMarked
package itests.iommu;

import org.jspecify.annotations.NullMarked;
