package mdev.api.vfio;

import java.lang.foreign.MemorySegment;

/** What stands behind a DMA mapping: the {@code vaddr} of a user that may live in another process. */
public sealed interface UserMemory {
    /**
     * A part of a file. Where the file is, or can be, sealed against shrinking it is mapped into this process; where it is not, a hostile owner could cut it
     * under us, so it is only read and written by system calls, and cannot be pinned.
     *
     * @param fd open in this process. The framework owns it from the call on, however the call ends
     * @param offset of the first byte in the file; page aligned
     */
    record File(int fd, long offset) implements UserMemory {}

    /**
     * Memory of this process.
     *
     * @param segment native and page aligned, and lent until it is unmapped: its arena must not be closed before that. Views of pages
     *     are made from it
     */
    record Local(MemorySegment segment) implements UserMemory {}

    /**
     * Memory that only its owner can reach. It cannot be pinned.
     *
     * @param address what {@code access} calls the first byte; page aligned
     * @param access reads and writes it
     */
    record Remote(long address, RemoteAccess access) implements UserMemory {}
}
