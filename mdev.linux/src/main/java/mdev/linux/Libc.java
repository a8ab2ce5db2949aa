package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/** Looks up and calls functions of the C library. */
final class Libc {
    /** Holds errno after a call: the first argument of each {@link #function}. */
    static final MemoryLayout STATE = Linker.Option.captureStateLayout();

    private static final long ERRNO = STATE.byteOffset(PathElement.groupElement("errno"));
    private static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");
    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup SYMBOLS = LINKER.defaultLookup();

    private Libc() {}

    /** A call outside the hot paths; -1 means failure. */
    @FunctionalInterface
    interface Call {
        long invoke(MemorySegment state) throws Throwable;
    }

    /** A function that stores errno in a {@link #STATE} segment, its first argument. */
    static MethodHandle function(String name, FunctionDescriptor descriptor) {
        return handle(name, descriptor, CAPTURE);
    }

    /** As {@link #function}, with variable arguments from the given one on. */
    static MethodHandle variadic(String name, int firstVariadic, FunctionDescriptor descriptor) {
        return handle(name, descriptor, CAPTURE, Linker.Option.firstVariadicArg(firstVariadic));
    }

    /** A function without errno capture. */
    static MethodHandle plain(String name, FunctionDescriptor descriptor) {
        return handle(name, descriptor);
    }

    /** As {@link #plain}, with variable arguments from the given one on. */
    static MethodHandle plainVariadic(String name, int firstVariadic, FunctionDescriptor descriptor) {
        return handle(name, descriptor, Linker.Option.firstVariadicArg(firstVariadic));
    }

    @SuppressWarnings("restricted") // the descriptors are those of the manual pages
    private static MethodHandle handle(String name, FunctionDescriptor descriptor, Linker.Option... options) {
        return LINKER.downcallHandle(SYMBOLS.findOrThrow(name), descriptor, options);
    }

    /** The errno of the last call. */
    static int errno(MemorySegment state) {
        return state.get(JAVA_INT, ERRNO);
    }

    /** Makes the call and repeats it after EINTR. Not for close(2), see {@link Fd#close}. */
    static long call(String name, Call call) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            for (; ; ) {
                long result = call.invoke(state);
                if (result != -1) {
                    return result;
                }
                int errno = errno(state);
                if (errno != LinuxErrno.EINTR) {
                    throw new LinuxException(name, errno);
                }
            }
        } catch (Throwable t) {
            throw failed(t);
        }
    }

    /** As {@link #unexpected}, for code that itself throws LinuxExceptions. */
    static RuntimeException failed(Throwable t) throws LinuxException {
        if (t instanceof LinuxException e) {
            throw e;
        }
        return unexpected(t);
    }

    /** Wraps the Throwable that {@link MethodHandle#invokeExact} declares: a downcall throws no checked exception. */
    static RuntimeException unexpected(Throwable t) {
        return switch (t) {
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> throw new AssertionError(t);
        };
    }
}
