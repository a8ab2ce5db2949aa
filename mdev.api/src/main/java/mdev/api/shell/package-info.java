/** Shell commands as data: a bundle declares them, the console parses, completes, prints. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
@org.jspecify.annotations.NullMarked
package mdev.api.shell;
