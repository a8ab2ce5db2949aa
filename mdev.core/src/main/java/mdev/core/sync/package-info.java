/** Waiting with an end: deadlines, gates, and the threads that bounded calls run on. */
@org.jspecify.annotations.NullMarked
package mdev.core.sync;
