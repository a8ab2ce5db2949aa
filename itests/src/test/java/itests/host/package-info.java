/** The platform and the other users of its host, in separate processes. */
@NullMarked
package itests.host;

import org.jspecify.annotations.NullMarked;
