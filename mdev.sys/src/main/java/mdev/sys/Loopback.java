package mdev.sys;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import mdev.linux.LinuxException;
import mdev.linux.NetlinkSocket;

/**
 * The loopback interface of a new network namespace, which is down at first.
 *
 * <pre>
 * struct nlmsghdr {           // include/uapi/linux/netlink.h
 *     __u32 nlmsg_len;
 *     __u16 nlmsg_type, nlmsg_flags;
 *     __u32 nlmsg_seq, nlmsg_pid;
 * };
 * struct ifinfomsg {          // include/uapi/linux/rtnetlink.h
 *     unsigned char  ifi_family, __ifi_pad;
 *     unsigned short ifi_type;
 *     int            ifi_index;
 *     unsigned       ifi_flags, ifi_change;
 * };
 * struct nlmsgerr { int error; struct nlmsghdr msg; };
 * </pre>
 */
final class Loopback {
    private static final int BYTES = 32;
    private static final short RTM_NEWLINK = 16;
    private static final short NLM_F_REQUEST_ACK = 1 | 4;
    private static final int LOOPBACK_IFINDEX = 1;
    private static final int IFF_UP = 1;
    private static final long TYPE = 4;
    private static final long FLAGS = 6;
    private static final long IFI_INDEX = 20;
    private static final long IFI_FLAGS = 24;
    private static final long IFI_CHANGE = 28;
    private static final long ERROR = 16;
    private static final Duration ANSWER = Duration.ofSeconds(10);

    private Loopback() {}

    static void up() throws LinuxException, IOException {
        try (Arena arena = Arena.ofConfined();
                NetlinkSocket route = NetlinkSocket.open(NetlinkSocket.NETLINK_ROUTE, 0)) {
            MemorySegment request = arena.allocate(BYTES, JAVA_INT.byteAlignment());
            request.set(JAVA_INT, 0, BYTES);
            request.set(JAVA_SHORT, TYPE, RTM_NEWLINK);
            request.set(JAVA_SHORT, FLAGS, NLM_F_REQUEST_ACK);
            request.set(JAVA_INT, IFI_INDEX, LOOPBACK_IFINDEX);
            request.set(JAVA_INT, IFI_FLAGS, IFF_UP);
            request.set(JAVA_INT, IFI_CHANGE, IFF_UP);
            route.send(request, 0);
            MemorySegment answer = arena.allocate(2L * BYTES, JAVA_INT.byteAlignment());
            long length = route.receive(answer, ANSWER);
            if (length < ERROR + Integer.BYTES || answer.get(JAVA_INT, ERROR) != 0) {
                throw new IOException("the loopback interface does not go up: "
                        + (length == 0 ? "no answer" : "errno " + -answer.get(JAVA_INT, ERROR)));
            }
        }
    }
}
