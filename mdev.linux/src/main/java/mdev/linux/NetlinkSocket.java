package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.time.Duration;

/**
 * A netlink socket in the network namespace of the thread that opens it ({@code netlink(7)}).
 *
 * <pre>
 * struct sockaddr_nl {   // include/uapi/linux/netlink.h
 *     __kernel_sa_family_t nl_family;
 *     unsigned short       nl_pad;
 *     __u32                nl_pid;
 *     __u32                nl_groups;
 * };
 * </pre>
 *
 * <p>Not thread-safe.
 */
public final class NetlinkSocket implements AutoCloseable {
    public static final int NETLINK_ROUTE = 0;
    public static final int NETLINK_KOBJECT_UEVENT = 15;

    private static final int AF_NETLINK = 16;
    private static final int SOCK_RAW = 3;
    private static final int ADDRESS_BYTES = 12;
    private static final long GROUPS = 8;
    private static final int ECONNREFUSED = 111;

    private static final MethodHandle BIND =
            Libc.function("bind", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle SENDTO = Libc.function(
            "sendto", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle RECV =
            Libc.function("recv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));

    private final Fd fd;

    private NetlinkSocket(Fd fd) {
        this.fd = fd;
    }

    /**
     * Opens a socket.
     *
     * @param protocol a {@code NETLINK_} constant
     * @param groups the mask of the multicast groups to receive; 0 for none
     */
    public static NetlinkSocket open(int protocol, int groups) throws LinuxException {
        Fd fd = Sockets.open(AF_NETLINK, SOCK_RAW, protocol);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = address(arena, groups);
            Libc.call("bind", state -> (int) BIND.invokeExact(state, fd.number(), address, ADDRESS_BYTES));
            return new NetlinkSocket(fd);
        } catch (LinuxException | RuntimeException | Error e) {
            fd.close();
            throw e;
        }
    }

    /**
     * Sends one message to the kernel and to the multicast groups. It reaches nobody if nobody listens.
     *
     * @param message native memory
     * @param groups the mask of the groups
     * @throws LinuxException EPERM: the protocol does not permit it without CAP_NET_ADMIN
     */
    public void send(MemorySegment message, int groups) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment to = address(arena, groups);
            Libc.call("sendto", state ->
                    (long) SENDTO.invokeExact(state, fd.number(), message, message.byteSize(), 0, to, ADDRESS_BYTES));
        } catch (LinuxException e) {
            if (e.errno() != ECONNREFUSED) { // no listener
                throw e;
            }
        }
    }

    /**
     * Receives one message.
     *
     * @param into native memory; the rest of a longer message is lost
     * @param timeout the maximum wait
     * @return the length of the message; 0 on timeout
     */
    public long receive(MemorySegment into, Duration timeout) throws LinuxException {
        Fd.requireWritable(into);
        if (Poll.await(fd, Poll.POLLIN, timeout) == 0) {
            return 0;
        }
        return Libc.call("recv", state -> (long) RECV.invokeExact(state, fd.number(), into, into.byteSize(), 0));
    }

    private static MemorySegment address(Arena arena, int groups) {
        MemorySegment address = arena.allocate(ADDRESS_BYTES, JAVA_INT.byteAlignment());
        address.set(JAVA_SHORT, 0, (short) AF_NETLINK);
        address.set(JAVA_INT, GROUPS, groups);
        return address;
    }

    @Override
    public void close() {
        fd.close();
    }
}
