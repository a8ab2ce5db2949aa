/**
 * Shared by both ends of a shell: lines, completions, the user's terminal. Uses the JDK only, because the client runs
 * without OSGi.
 */
@NullMarked
package mdev.console.shell;

import org.jspecify.annotations.NullMarked;
