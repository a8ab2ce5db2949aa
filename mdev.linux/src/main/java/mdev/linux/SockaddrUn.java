package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The address of a UNIX socket.
 *
 * <pre>
 * struct sockaddr_un {              // include/uapi/linux/un.h
 *     __kernel_sa_family_t sun_family;
 *     char                 sun_path[108];
 * };
 * </pre>
 */
final class SockaddrUn {
    static final short AF_UNIX = 1;
    private static final long BYTES = 110;
    private static final long FAMILY = 0;
    private static final long PATH = 2;

    private SockaddrUn() {}

    /** @throws LinuxException ENAMETOOLONG: the path does not fit with its terminating 0 */
    static MemorySegment of(String call, Path path, Arena arena) throws LinuxException {
        byte[] name = path.toString().getBytes(StandardCharsets.UTF_8);
        if (name.length > UnixServerSocket.MAX_PATH) {
            throw new LinuxException(
                    call,
                    LinuxErrno.ENAMETOOLONG,
                    "the path has " + name.length + " bytes, a UNIX socket path at most " + UnixServerSocket.MAX_PATH
                            + ": " + path);
        }
        MemorySegment address = arena.allocate(BYTES, JAVA_SHORT.byteAlignment());
        address.set(JAVA_SHORT, FAMILY, AF_UNIX);
        MemorySegment.copy(name, 0, address, JAVA_BYTE, PATH, name.length);
        return address;
    }
}
