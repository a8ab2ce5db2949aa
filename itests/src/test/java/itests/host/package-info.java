/** The platform and the other users of its host, in processes of their own. */
@NullMarked
package itests.host;

import org.jspecify.annotations.NullMarked;
