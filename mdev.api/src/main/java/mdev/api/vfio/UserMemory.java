package mdev.api.vfio;

import java.lang.foreign.MemorySegment;

/** The memory behind a DMA mapping: the {@code vaddr} of a user that may be in another process. */
public sealed interface UserMemory {
    /**
     * A part of a file. A file that is, or can be, sealed against shrinking is mapped into this process. Any other file
     * could be truncated by a hostile owner while it is mapped, so it is only accessed by system calls and cannot be
     * pinned.
     *
     * @param fd open in this process. The framework takes ownership whatever the outcome of the call
     * @param offset the offset of the first byte in the file; page aligned
     */
    record File(int fd, long offset) implements UserMemory {}

    /**
     * Memory of this process.
     *
     * @param segment native and page aligned. It is lent until it is unmapped: its arena must not be closed earlier.
     *     Views of pages are slices of it
     */
    record Local(MemorySegment segment) implements UserMemory {}

    /**
     * Memory that only its owner can access. It cannot be pinned.
     *
     * @param address the address of the first byte as {@code access} counts it; page aligned
     * @param access reads and writes it
     */
    record Remote(long address, RemoteAccess access) implements UserMemory {}
}
