package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class NetlinkSocketTest {
    private static final short RTM_NEWLINK = 16;
    private static final short RTM_GETLINK = 18;
    private static final short NLM_F_REQUEST = 1;
    private static final Duration LONG = Duration.ofMinutes(1);

    @Test
    void kernelAnswersARequest() throws Exception {
        try (Arena arena = Arena.ofConfined();
                NetlinkSocket route = NetlinkSocket.open(NetlinkSocket.NETLINK_ROUTE, 0)) {
            MemorySegment request = arena.allocate(32, JAVA_INT.byteAlignment());
            request.set(JAVA_INT, 0, 32);
            request.set(JAVA_SHORT, 4, RTM_GETLINK);
            request.set(JAVA_SHORT, 6, NLM_F_REQUEST);
            request.set(JAVA_INT, 20, 1); // the loopback interface
            MemorySegment answer = arena.allocate(8192, JAVA_INT.byteAlignment());
            assertEquals(0, route.receive(answer, Duration.ZERO), "nothing yet");
            route.send(request, 0);
            assertTrue(route.receive(answer, LONG) > 32);
            assertEquals(RTM_NEWLINK, answer.get(JAVA_SHORT, 4));
        }
    }

    @Test
    void unknownProtocolIsRefused() {
        Answers.refused(93, () -> NetlinkSocket.open(31, 0)); // EPROTONOSUPPORT
    }
}
