package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * read(2), write(2), pread(2) or pwrite(2), all four safe to make again after a failure. So each is tried without errno
 * first, and only one that failed is made again to learn why, with memory for errno of its own: a transfer that
 * succeeds allocates nothing, and threads share no errno.
 */
record Transfer(String name, MethodHandle plain, MethodHandle capturing) {
    static final Transfer READ = stream("read");
    static final Transfer WRITE = stream("write");
    static final Transfer PREAD = positioned("pread");
    static final Transfer PWRITE = positioned("pwrite");

    private static Transfer stream(String name) {
        return of(name, FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    }

    private static Transfer positioned(String name) {
        return of(name, FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG));
    }

    private static Transfer of(String name, FunctionDescriptor descriptor) {
        return new Transfer(name, Libc.plain(name, descriptor), Libc.function(name, descriptor));
    }

    /** The bytes of one call, at the file's own position. */
    long make(int fd, MemorySegment memory) throws LinuxException {
        long n;
        try {
            n = (long) plain.invokeExact(fd, memory, memory.byteSize());
        } catch (Throwable t) {
            throw Libc.unexpected(t);
        }
        return n != -1
                ? n
                : Libc.call(name, state -> (long) capturing.invokeExact(state, fd, memory, memory.byteSize()));
    }

    /** The bytes of one call, at the given position. */
    long make(int fd, MemorySegment memory, long position) throws LinuxException {
        long n;
        try {
            n = (long) plain.invokeExact(fd, memory, memory.byteSize(), position);
        } catch (Throwable t) {
            throw Libc.unexpected(t);
        }
        return n != -1
                ? n
                : Libc.call(
                        name, state -> (long) capturing.invokeExact(state, fd, memory, memory.byteSize(), position));
    }
}
