/** The classes that {@link itests.MishapIT} packages as bundles, which misbehave as their names state. */
@NullMarked
package itests.mishap;

import org.jspecify.annotations.NullMarked;
