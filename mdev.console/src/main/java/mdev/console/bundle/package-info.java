/** Felix's bundle commands with proper failures: one line, a status, and nothing changed. */
@NullMarked
package mdev.console.bundle;

import org.jspecify.annotations.NullMarked;
