/** Shell commands as data: bundles declare them; the console parses arguments, completes and prints. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
@org.jspecify.annotations.NullMarked
package mdev.api.shell;
