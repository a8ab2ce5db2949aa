/** VFIO: the device half of a vendor driver, and the API of a device's user. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
@org.jspecify.annotations.NullMarked
package mdev.api.vfio;
