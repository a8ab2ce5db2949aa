package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * {@code mmap(2)}: maps a range of a file, of any size, into memory.
 *
 * <p>A {@code Mapping} owns a shared arena: any thread may access the segment and close the mapping; later accesses
 * throw IllegalStateException. The descriptor may be closed as soon as the mapping exists. For other lifetimes, {@link
 * #map} uses an arena of the caller.
 *
 * <p>Memory that a peer can truncate must not be mapped ({@link #classify}): accessing truncated pages raises SIGBUS,
 * which the JVM reports imprecisely, if at all.
 */
public final class Mapping implements AutoCloseable {
    /** The permitted accesses. */
    public enum Protection {
        READ(1),
        READ_WRITE(3);

        private final int bits;

        Protection(int bits) {
            this.bits = bits;
        }
    }

    /** The visibility of writes. */
    public enum Sharing {
        /** Visible in the file and in all mappings of it. */
        SHARED(1),
        /** Visible in this mapping only. */
        PRIVATE(2);

        private final int bit;

        Sharing(int bit) {
            this.bit = bit;
        }
    }

    private static final int MAP_ANONYMOUS = 0x20;
    private static final int NO_FILE = -1;

    private static final MethodHandle MMAP = Libc.function(
            "mmap", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MUNMAP =
            Libc.function("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));

    private final Arena arena;
    private final MemorySegment segment;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Mapping(Arena arena, MemorySegment segment) {
        this.arena = arena;
        this.segment = segment;
    }

    /**
     * Determines how to access a peer's memory. As a side effect, the file is sealed against shrinking if its owner
     * allowed sealing; the size is checked after that, when it can no longer shrink.
     *
     * @param offset the first byte in the file
     * @param length the number of bytes, at least 1
     * @throws LinuxException EINVAL: the range is invalid or exceeds the file, the file is neither a memfd nor a
     *     regular file of a local file system (reading a pipe, a socket or a FUSE file could block or return wrong
     *     data), or it is open with O_APPEND
     */
    public static FdAccess classify(Fd fd, long offset, long length) throws LinuxException {
        if (offset < 0 || length <= 0 || offset > Long.MAX_VALUE - length) {
            throw invalid("invalid range: offset " + offset + ", length " + length);
        }
        FdAccess access = sealsShrink(fd) ? FdAccess.MMAP : FdAccess.FILE_IO;
        FileStatus status = fd.stat();
        if (status.type() != FileType.REGULAR) {
            throw invalid("not a memory file: " + status.type());
        }
        if (!Statfs.isLocal(fd, status)) {
            throw invalid(fd.path() + ", which a process or another machine serves");
        }
        if (fd.appends()) {
            throw invalid("open with O_APPEND: writes would go to its end");
        }
        if (offset + length > status.size()) {
            throw invalid("the file has " + status.size() + " bytes, the range ends at " + (offset + length));
        }
        return access;
    }

    private static LinuxException invalid(String reason) {
        return new LinuxException("mmap", LinuxErrno.EINVAL, reason);
    }

    private static boolean sealsShrink(Fd fd) throws LinuxException {
        try {
            if (!fd.seals().contains(Seal.SHRINK)) {
                fd.addSeals(Seal.SHRINK);
            }
            return true;
        } catch (LinuxException e) {
            return switch (e.errno()) {
                case LinuxErrno.EINVAL, LinuxErrno.EPERM ->
                    false; // does not support seals, has F_SEAL_SEAL, or is read-only
                default -> throw e;
            };
        }
    }

    /**
     * Maps a range of a file, shared with all other mappings of it.
     *
     * @param offset the first byte in the file, a multiple of the page size
     * @param length the number of bytes, at least 1
     * @throws LinuxException EACCES: the access mode forbids it; EPERM: a seal forbids it; EINVAL: bad offset or
     *     length; ENODEV: the file cannot be mapped; ENOMEM: out of memory, or too many mappings (vm.max_map_count)
     */
    public static Mapping of(Fd fd, long offset, long length, Protection protection) throws LinuxException {
        Arena arena = Arena.ofShared();
        try {
            return new Mapping(arena, map(fd, offset, length, protection, Sharing.SHARED, arena));
        } catch (LinuxException e) {
            arena.close();
            throw e;
        }
    }

    /**
     * Zero-filled memory of which a page takes memory from its first use on; an arena's own allocation writes zeros to
     * all of it.
     *
     * @param length the number of bytes, at least 1
     * @param arena of any kind; closing it frees the memory
     * @throws LinuxException ENOMEM: out of memory, or too many mappings (vm.max_map_count)
     */
    public static MemorySegment anonymous(long length, Arena arena) throws LinuxException {
        return map(NO_FILE, 0, length, Protection.READ_WRITE.bits, Sharing.PRIVATE.bit | MAP_ANONYMOUS, arena);
    }

    /**
     * As {@link #of}, with the lifetime of the caller's arena: closing the arena unmaps.
     *
     * @param arena of any kind; it determines which threads may access the memory
     */
    public static MemorySegment map(
            Fd fd, long offset, long length, Protection protection, Sharing sharing, Arena arena)
            throws LinuxException {
        MemorySegment segment = map(fd.number(), offset, length, protection.bits, sharing.bit, arena);
        // The segment of a read-only mapping must reject writes itself: the processor would raise SIGSEGV.
        return protection == Protection.READ ? segment.asReadOnly() : segment;
    }

    @SuppressWarnings("restricted") // the kernel has just mapped this length
    private static MemorySegment map(int fd, long offset, long length, int protection, int flags, Arena arena)
            throws LinuxException {
        long address = Libc.call("mmap", state ->
                (long) MMAP.invokeExact(state, MemorySegment.NULL, length, protection, flags, fd, offset));
        MemorySegment pages = MemorySegment.ofAddress(address).reinterpret(length);
        try {
            return pages.reinterpret(arena, Mapping::unmap);
        } catch (RuntimeException e) { // the arena is closed, or confined to another thread
            unmap(pages);
            throw e;
        }
    }

    private static void unmap(MemorySegment segment) {
        try {
            Libc.call("munmap", state -> (int) MUNMAP.invokeExact(state, segment, segment.byteSize()));
        } catch (LinuxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The memory; read-only if mapped so. */
    public MemorySegment segment() {
        return segment;
    }

    /**
     * Unmaps once no system call uses the memory: when this returns, no access is possible, unless a system call takes
     * longer than 2 s, which is logged. Idempotent.
     */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            CallArena.close(arena, "a mapping of " + segment.byteSize() + " bytes", () -> {});
        }
    }
}
