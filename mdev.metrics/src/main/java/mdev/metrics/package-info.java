/** The metrics of all bundles and of the JVM at one place, as OpenMetrics text. */
@NullMarked
package mdev.metrics;

import org.jspecify.annotations.NullMarked;
