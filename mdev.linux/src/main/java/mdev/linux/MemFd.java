package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code memfd_create(2)}: a file that exists in memory only. Any thread. */
public final class MemFd {
    private static final int MFD_CLOEXEC = 1;
    private static final int MFD_ALLOW_SEALING = 2;

    private static final MethodHandle MEMFD_CREATE =
            Libc.function("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));

    private MemFd() {}

    /**
     * A new file of zeroes; pages that are never touched take no memory. The caller owns the descriptor and can seal it
     * further, unless {@link Seal#SEAL} is among the seals.
     *
     * @param name seen in {@code /proc/<pid>/maps}, at most 249 bytes
     * @param size in bytes
     * @param seals what to rule out from the beginning
     * @throws LinuxException EINVAL: name too long, or size negative; EMFILE, ENFILE, ENOMEM: out of them
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
