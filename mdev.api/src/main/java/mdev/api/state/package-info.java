/** The state of a device: saved by one version of its driver and restored by another. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
@org.jspecify.annotations.NullMarked
package mdev.api.state;
