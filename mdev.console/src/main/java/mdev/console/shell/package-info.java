/**
 * What both ends of a shell share: lines, completions, the user's terminal. Only the JDK is used, for the client runs
 * without OSGi.
 */
@NullMarked
package mdev.console.shell;

import org.jspecify.annotations.NullMarked;
