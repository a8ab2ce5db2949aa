/**
 * The tree model, the counterpart of kernfs and sysfs in the kernel. Reading takes no lock; every change is made inside
 * {@link mdev.core.sysfs.Tree#change()}.
 */
@org.jspecify.annotations.NullMarked
package mdev.core.sysfs;
