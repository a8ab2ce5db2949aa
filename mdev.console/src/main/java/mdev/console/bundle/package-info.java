/** Felix's commands on bundles, as they should fail: one line, a status, and nothing changed. */
@NullMarked
package mdev.console.bundle;

import org.jspecify.annotations.NullMarked;
