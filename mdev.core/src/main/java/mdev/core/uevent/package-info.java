/** Uevents: numbered together with the change that they report, delivered in that order by one thread. */
@org.jspecify.annotations.NullMarked
package mdev.core.uevent;
