/** The interactive front end on JLine. */
@NullMarked
package mdev.console.terminal;

import org.jspecify.annotations.NullMarked;
