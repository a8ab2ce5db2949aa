/** Runs command lines on Gogo: arguments, help, errors, status, tables and JSON. */
@NullMarked
package mdev.console.engine;

import org.jspecify.annotations.NullMarked;
