/** What the framework and its bundles report. */
@NullMarked
package mdev.console.log;

import org.jspecify.annotations.NullMarked;
