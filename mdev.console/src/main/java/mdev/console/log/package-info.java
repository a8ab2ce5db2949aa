/** The log entries of the framework and its bundles. */
@NullMarked
package mdev.console.log;

import org.jspecify.annotations.NullMarked;
