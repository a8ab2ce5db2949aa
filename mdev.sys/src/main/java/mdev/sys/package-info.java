/** The agent of {@code ./mdev with-sys}, which shows a platform's tree as {@code /sys} in namespaces of its own. */
@NullMarked
package mdev.sys;

import org.jspecify.annotations.NullMarked;
