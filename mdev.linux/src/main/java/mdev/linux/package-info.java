/** The few Linux system calls that are needed, through java.lang.foreign. */
@Export
@NullMarked
@Version("0.1.0")
package mdev.linux;

import org.jspecify.annotations.NullMarked;
import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
