package mdev.api.vfio;

import java.lang.foreign.MemorySegment;

/**
 * A page that a vendor has pinned.
 *
 * @param number stands for the physical page number: while the page is pinned, the number is the same at every address
 *     that maps the page, and no other page has it. It has no other meaning
 * @param page its bytes; read-only unless pinned for writing. Once the page has been unmapped, accesses throw
 *     IllegalStateException
 */
public record PinnedPage(long number, MemorySegment page) {}
