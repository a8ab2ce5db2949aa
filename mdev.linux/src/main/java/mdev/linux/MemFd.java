package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code memfd_create(2)}: a file in memory. Thread-safe. */
public final class MemFd {
    private static final int MFD_CLOEXEC = 1;
    private static final int MFD_ALLOW_SEALING = 2;

    private static final MethodHandle MEMFD_CREATE =
            Libc.function("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

    private MemFd() {}

    /**
     * Creates a zero-filled file; untouched pages take no memory. The caller owns the descriptor and can add seals,
     * unless {@link Seal#SEAL} is among {@code seals}.
     *
     * @param name shown in {@code /proc/<pid>/maps}, at most 249 bytes
     * @param size in bytes
     * @param seals the initial seals
     * @throws LinuxException EINVAL: name too long, or size negative; EMFILE, ENFILE: too many open files; ENOMEM: out
     *     of memory
     */
    public static Fd create(String name, long size, Seal... seals) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment label = arena.allocateFrom(name);
            Fd fd = Fd.of(Libc.call("memfd_create", state ->
                    (int) MEMFD_CREATE.invokeExact(state, label, MFD_CLOEXEC | MFD_ALLOW_SEALING)));
            try {
                fd.truncate(size);
                if (seals.length > 0) {
                    fd.addSeals(seals);
                }
                return fd;
            } catch (LinuxException e) {
                fd.close();
                throw e;
            }
        }
    }
}
