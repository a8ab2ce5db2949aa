/** Counters and gauges of bundles, for a scraper. */
@org.osgi.annotation.bundle.Export
@org.osgi.annotation.versioning.Version("1.0.0")
@org.jspecify.annotations.NullMarked
package mdev.api.metrics;
