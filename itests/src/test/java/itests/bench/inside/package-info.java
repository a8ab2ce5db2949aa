/** The bundle that measures inside the platform: a vendor with an unlimited number of devices, and commands. */
@NullMarked
package itests.bench.inside;

import org.jspecify.annotations.NullMarked;
