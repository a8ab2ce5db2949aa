package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The owner of a file descriptor.
 *
 * <p>Thread-safe; calls after {@link #close} fail with EBADF. {@link #close} does not wait for running calls: the
 * caller must not close an {@code Fd} that another thread is using, since the number may be reused at once. {@link
 * EventFd}, {@link UnixSocket}, {@link UnixServerSocket} and {@link Epoll} ensure this themselves.
 */
public final class Fd implements AutoCloseable {
    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0100;
    public static final int O_EXCL = 0200;
    public static final int O_NONBLOCK = 04000;
    public static final int O_PATH = 010000000;

    private static final int O_APPEND = 02000;
    private static final int O_ACCMODE = 3;
    private static final int O_CLOEXEC = 02000000;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_ADD_SEALS = 1033;
    private static final int F_GET_SEALS = 1034;
    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;
    private static final int RLIMIT_NOFILE = 7;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int CLOSED = -1;

    private static final MethodHandle OPEN =
            Libc.variadic("open", 2, FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    private static final MethodHandle CLOSE = Libc.plain("close", FunctionDescriptor.ofVoid(JAVA_INT));
    /** As the following ones: linking a handle takes milliseconds, so rarely used ones are linked on first use. */
    private static final class Fcntl {
        static final MethodHandle HANDLE =
                Libc.variadic("fcntl", 2, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
    }

    private static final class Getrlimit {
        static final MethodHandle HANDLE =
                Libc.function("getrlimit", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
    }

    private static final class Ftruncate {
        static final MethodHandle HANDLE =
                Libc.function("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
    }

    private static final class Fallocate {
        static final MethodHandle HANDLE =
                Libc.function("fallocate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
    }

    private static final class Lseek {
        static final MethodHandle HANDLE =
                Libc.function("lseek", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT));
    }

    /** The thread that replaces the number with {@link #CLOSED} closes the descriptor. */
    private final AtomicInteger number;

    private Fd(int number) {
        this.number = new AtomicInteger(number);
    }

    /** Wraps a descriptor that has no other owner. */
    static Fd of(long number) {
        return new Fd(Math.toIntExact(number));
    }

    /**
     * The number from which descriptors are reserved: the kernel assigns the lowest free number, so a process that
     * has this number open has at least as many descriptors.
     *
     * @param reserved the number of reserved descriptors out of {@code RLIMIT_NOFILE}; at most half of it
     */
    public static int limit(int reserved) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment limits = arena.allocate(JAVA_LONG, 2); // struct rlimit { rlim_t rlim_cur, rlim_max; }
            Libc.call("getrlimit", state -> (int) Getrlimit.HANDLE.invokeExact(state, RLIMIT_NOFILE, limits));
            int current = (int) Math.min(limits.getAtIndex(JAVA_LONG, 0) & Long.MAX_VALUE, Integer.MAX_VALUE);
            return Math.max(current - reserved, current / 2);
        } catch (LinuxException e) {
            throw new IllegalStateException(e); // getrlimit(2) cannot fail otherwise
        }
    }

    /**
     * {@code open(2)}, with O_CLOEXEC.
     *
     * @param flags {@code O_} constants; a created file gets mode 0600
     */
    public static Fd open(Path path, int flags) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(path.toString());
            return of(Libc.call("open " + path, state -> (int) OPEN.invokeExact(state, name, flags | O_CLOEXEC, 0600)));
        }
    }

    /**
     * Takes ownership of a descriptor that the caller owned by number, for example after {@link #release}.
     */
    public static Fd adopt(int number) {
        return of(number);
    }

    /** Gives up ownership; this object then behaves as closed. @return the number, now owned by the caller */
    public int release() {
        return number.getAndSet(CLOSED);
    }

    /** The access mode of the open file: {@link #O_RDONLY}, {@link #O_WRONLY} or {@link #O_RDWR}. */
    public int accessMode() throws LinuxException {
        return fcntl("fcntl(F_GETFL)", F_GETFL, 0) & O_ACCMODE;
    }

    /** Whether writes go to the end of the file, whatever their position ({@code O_APPEND}); a peer can change that. */
    boolean appends() throws LinuxException {
        return (fcntl("fcntl(F_GETFL)", F_GETFL, 0) & O_APPEND) != 0;
    }

    /** The descriptor's number, -1 once it is closed. */
    public int number() {
        return number.get();
    }

    /** Moves ownership to a new object; this one then behaves as closed. */
    Fd move() {
        return of(number.getAndSet(CLOSED));
    }

    /** Another descriptor of the same open file ({@code F_DUPFD_CLOEXEC}). */
    public Fd dup() throws LinuxException {
        return of(fcntl("fcntl(F_DUPFD_CLOEXEC)", F_DUPFD_CLOEXEC, 0));
    }

    /** The current status of the file; the size may change immediately afterwards, unless sealed. */
    public FileStatus stat() throws LinuxException {
        return Statx.of(number());
    }

    /** The path of the file when it was opened, for messages. */
    public String path() {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + number())).toString();
        } catch (IOException e) {
            return toString();
        }
    }

    /** Whether the file is memory that supports seals: a memfd, or a file of tmpfs or hugetlbfs. */
    boolean isSealable() throws LinuxException {
        try {
            fcntl("fcntl(F_GET_SEALS)", F_GET_SEALS, 0);
            return true;
        } catch (LinuxException e) {
            if (e.errno() == LinuxErrno.EINVAL) {
                return false;
            }
            throw e;
        }
    }

    /**
     * Whether a process or another machine serves the file (FUSE, NFS, 9p): using it, even closing it, may wait
     * forever for that server. This call does not.
     */
    public boolean isServedElsewhere() throws LinuxException {
        FileStatus status = stat();
        return status.type() == FileType.REGULAR && !Statfs.isLocal(this, status);
    }

    /**
     * The seals ({@code F_GET_SEALS}).
     *
     * @throws LinuxException EINVAL: the file does not support seals
     */
    public Set<Seal> seals() throws LinuxException {
        return Seal.of(fcntl("fcntl(F_GET_SEALS)", F_GET_SEALS, 0));
    }

    /**
     * Adds seals ({@code F_ADD_SEALS}); seals that are already set are ignored.
     *
     * @throws LinuxException EPERM: sealed against it, or not open for writing; EBUSY: {@link Seal#WRITE} with a
     *     writable mapping; EINVAL: the file does not support seals
     */
    public void addSeals(Seal... seals) throws LinuxException {
        fcntl("fcntl(F_ADD_SEALS)", F_ADD_SEALS, Seal.mask(Arrays.asList(seals)));
    }

    /** Sets the length of the file. EPERM: a seal forbids it. */
    public void truncate(long size) throws LinuxException {
        Libc.call("ftruncate", state -> (int) Ftruncate.HANDLE.invokeExact(state, number(), size));
    }

    /**
     * Zeroes a range of the file and frees its whole pages ({@code FALLOC_FL_PUNCH_HOLE}); the size is unchanged.
     * Existing mappings see zeroes too.
     *
     * @throws LinuxException EPERM: sealed against writing; EINVAL: invalid range; EOPNOTSUPP, ENODEV: the file does
     *     not support holes
     */
    public void punchHole(long offset, long length) throws LinuxException {
        Libc.call("fallocate", state -> (int) Fallocate.HANDLE.invokeExact(
                state, number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
    }

    /**
     * Whether reads and writes that would block fail with EAGAIN ({@code O_NONBLOCK}), for all descriptors of the open
     * file.
     */
    public void setNonblocking(boolean nonblocking) throws LinuxException {
        int others = fcntl("fcntl(F_GETFL)", F_GETFL, 0) & ~O_NONBLOCK;
        fcntl("fcntl(F_SETFL)", F_SETFL, nonblocking ? others | O_NONBLOCK : others);
    }

    /**
     * One {@code read(2)} into all of {@code to}.
     *
     * @param to native memory
     * @return the bytes read, 0 at the end
     */
    public long read(MemorySegment to) throws LinuxException {
        requireWritable(to);
        return Transfer.READ.make(number(), to, 0);
    }

    /**
     * One {@code write(2)} of all of {@code from}.
     *
     * @param from native memory
     * @return the bytes written
     */
    public long write(MemorySegment from) throws LinuxException {
        return Transfer.WRITE.make(number(), from, 0);
    }

    /**
     * Reads the whole range from a position, or up to the end of the file. Neither uses nor changes the file offset.
     *
     * @param to native memory
     * @return the bytes read, fewer than {@code length} only at the end of the file
     */
    public long pread(long position, MemorySegment to, long offset, long length) throws LinuxException {
        requireWritable(to);
        long done = 0;
        while (done < length) {
            long n = Transfer.PREAD.make(number(), to.asSlice(offset + done, length - done), position + done);
            if (n == 0) {
                break;
            }
            done += n;
        }
        return done;
    }

    /**
     * Writes the whole range at a position. Neither uses nor changes the file offset.
     *
     * @param from native memory
     */
    public void pwrite(long position, MemorySegment from, long offset, long length) throws LinuxException {
        long done = 0;
        while (done < length) {
            long n = Transfer.PWRITE.make(number(), from.asSlice(offset + done, length - done), position + done);
            if (n == 0) {
                throw new LinuxException("pwrite", LinuxErrno.EIO, "the file accepts no more bytes");
            }
            done += n;
        }
    }

    /**
     * The first position of data that is not before another ({@code lseek(2)} with SEEK_DATA); -1 if only a hole
     * follows. Changes the file offset, as does the next.
     */
    public long nextData(long from) throws LinuxException {
        try {
            return seek(from, SEEK_DATA);
        } catch (LinuxException e) {
            if (e.errno() == LinuxErrno.ENXIO) {
                return -1;
            }
            throw e;
        }
    }

    /** The end of the data at a position: the beginning of the next hole, or the end of the file. */
    public long nextHole(long from) throws LinuxException {
        return seek(from, SEEK_HOLE);
    }

    private long seek(long from, int whence) throws LinuxException {
        return Libc.call("lseek", state -> (long) Lseek.HANDLE.invokeExact(state, number(), from, whence));
    }

    /**
     * Closes the descriptor, once; later calls do nothing. close(2) is never retried after EINTR: Linux has already
     * freed the number, and a second close could hit a descriptor just opened by another thread. Its other errors (EIO
     * of a network file system) concern data that this class cannot recover.
     */
    @Override
    public void close() {
        int fd = number.getAndSet(CLOSED);
        if (fd != CLOSED) {
            try {
                CLOSE.invokeExact(fd);
            } catch (Throwable t) {
                throw Libc.unexpected(t);
            }
        }
    }

    @Override
    public String toString() {
        return "fd " + number();
    }

    private int fcntl(String name, int command, int argument) throws LinuxException {
        return (int) Libc.call(name, state -> (int) Fcntl.HANDLE.invokeExact(state, number(), command, argument));
    }

    /** Otherwise the kernel would write to memory that is read-only in Java. */
    static void requireWritable(MemorySegment segment) {
        if (segment.isReadOnly()) {
            throw new IllegalArgumentException("the segment is read-only");
        }
    }
}
