/** Uevents: numbered with the change they tell of, delivered in that order by one thread. */
@org.jspecify.annotations.NullMarked
package mdev.core.uevent;
