package mdev.linux;

/** How to access the memory behind a descriptor received from a peer, see {@link Mapping#classify}. */
public enum FdAccess {
    /** Sealed against shrinking, and long enough: it can be mapped, no access can fail. */
    MMAP,
    /**
     * The peer can truncate the file at any time: use only {@link Fd#pread} and {@link Fd#pwrite}, which then return a
     * short count.
     */
    FILE_IO
}
