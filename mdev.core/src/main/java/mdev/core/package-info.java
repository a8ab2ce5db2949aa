/** The mediated core: parents, types, devices, bus, sysfs tree, uevents and their commands. */
@NullMarked
package mdev.core;

import org.jspecify.annotations.NullMarked;
