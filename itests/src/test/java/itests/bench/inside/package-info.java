/** The bundle that measures inside the platform: a vendor with as many devices as wanted, and commands. */
@NullMarked
package itests.bench.inside;

import org.jspecify.annotations.NullMarked;
