/**
 * The mediated bus: devices, drivers, their bindings, and the IOMMU groups that exist while devices are bound ({@code
 * mdev_driver.c}).
 */
@org.jspecify.annotations.NullMarked
package mdev.core.bus;
