package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * read(2), write(2), pread(2) or pwrite(2), which can all be repeated safely after a failure. Each call is first made
 * without errno capture; only a failed call is repeated with its own errno memory to learn the reason. A successful
 * transfer therefore allocates nothing, and threads share no errno.
 */
record Transfer(String name, MethodHandle plain, MethodHandle capturing) {
    static final Transfer READ = stream("read");
    static final Transfer WRITE = stream("write");
    static final Transfer PREAD = positioned("pread");
    static final Transfer PWRITE = positioned("pwrite");

    private static Transfer stream(String name) {
        FunctionDescriptor descriptor = FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
        return new Transfer(
                name,
                MethodHandles.dropArguments(Libc.plain(name, descriptor), 3, long.class),
                MethodHandles.dropArguments(Libc.function(name, descriptor), 4, long.class));
    }

    private static Transfer positioned(String name) {
        FunctionDescriptor descriptor = FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
        return new Transfer(name, Libc.plain(name, descriptor), Libc.function(name, descriptor));
    }

    /**
     * Makes one call and returns the number of bytes.
     *
     * @param position ignored by read(2) and write(2), which use the file offset
     */
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
