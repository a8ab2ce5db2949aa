package mdev.linux;

/** How memory behind a descriptor that a peer passed may be reached, see {@link Mapping#classify}. */
public enum FdAccess {
    /** Sealed against getting shorter, and long enough: it can be mapped, no access can fail. */
    MMAP,
    /**
     * The peer can cut it short at any time: only {@link Fd#pread} and {@link Fd#pwrite}, which then come back short.
     */
    FILE_IO
}
