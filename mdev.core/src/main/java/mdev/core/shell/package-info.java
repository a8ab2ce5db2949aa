/** The commands {@code mdev:*} and {@code sysfs:*}. */
@org.jspecify.annotations.NullMarked
package mdev.core.shell;
