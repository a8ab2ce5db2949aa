/** The mediated bus: devices, drivers, who is bound to whom, and the IOMMU groups that come and go with it ({@code mdev_driver.c}). */
@org.jspecify.annotations.NullMarked
package mdev.core.bus;
