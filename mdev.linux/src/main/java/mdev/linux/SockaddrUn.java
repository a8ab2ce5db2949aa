package mdev.linux;

import static java.lang.foreign.MemoryLayout.sequenceLayout;
import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
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
    static final StructLayout LAYOUT = structLayout(
            JAVA_SHORT.withName("sun_family"), sequenceLayout(108, JAVA_BYTE).withName("sun_path"));
    private static final long FAMILY = LAYOUT.byteOffset(PathElement.groupElement("sun_family"));
    private static final long PATH = LAYOUT.byteOffset(PathElement.groupElement("sun_path"));

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
        MemorySegment address = arena.allocate(LAYOUT);
        address.set(JAVA_SHORT, FAMILY, AF_UNIX);
        MemorySegment.copy(name, 0, address, JAVA_BYTE, PATH, name.length);
        return address;
    }
}
