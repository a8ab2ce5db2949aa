/** The metrics of all bundles and of the JVM on one socket, as OpenMetrics text. */
@NullMarked
package mdev.metrics;

import org.jspecify.annotations.NullMarked;
