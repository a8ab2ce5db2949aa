/** The classes that {@link itests.LiveUpdateIT} packages as versions of a driver, some of which fail. */
@NullMarked
package itests.live;

import org.jspecify.annotations.NullMarked;
