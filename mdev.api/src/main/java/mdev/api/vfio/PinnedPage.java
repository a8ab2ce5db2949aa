package mdev.api.vfio;

import java.lang.foreign.MemorySegment;

/**
 * A page that a vendor holds.
 *
 * @param number stands for the physical page number: while a page is pinned it is the same wherever the page is mapped, and no other page has it.
 *     It tells nothing else
 * @param page its bytes; read-only unless pinned for writing. Dead (IllegalStateException) from the unmapping on
 */
public record PinnedPage(long number, MemorySegment page) {}
