/** VFIO: the per-device half of a vendor driver, and the API for users of a device. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
@org.jspecify.annotations.NullMarked
package mdev.api.vfio;
