/** The kernel's error numbers and the exception that carries them. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
@org.jspecify.annotations.NullMarked
package mdev.api.errno;
