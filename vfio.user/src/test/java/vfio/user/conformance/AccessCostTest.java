package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import org.junit.jupiter.api.Test;
import vfio.mdev.TestPlatform;

/** The allocations of a region access on the serving thread. */
class AccessCostTest {
    private static final int TIMES = 20_000;

    /** A single object per access would be 640 kB. */
    private static final long MOST = 2 * TIMES;

    @Test
    void accessAllocatesNothing() throws Exception {
        try (Rig rig = new Rig();
                Client client = rig.client()) {
            client.requireAlive();
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long server = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().equals("vfio-user-" + rig.mdev.uuid()))
                    .findFirst()
                    .orElseThrow()
                    .threadId();
            // Until it is compiled by a thread that also waits for a processor.
            long deadline = System.nanoTime() + TestPlatform.PATIENCE.toNanos();
            long allocated = Long.MAX_VALUE;
            while (allocated >= MOST && System.nanoTime() < deadline) {
                long before = threads.getThreadAllocatedBytes(server);
                access(client);
                allocated = threads.getThreadAllocatedBytes(server) - before;
            }
            assertTrue(allocated < MOST, allocated + " bytes");
        }
    }

    /** Reads and posted writes, one after the other, of a region whose card allocates nothing itself. */
    private static void access(Client client) throws LinuxException {
        byte[] read = Client.message(1, Commands.REGION_READ, 0, Requests.read(4, 8, 4));
        byte[] write = Client.message(2, Commands.REGION_WRITE, Message.NO_REPLY, Requests.write(4, 8, new byte[4]));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(read.length + write.length);
            MemorySegment.copy(write, 0, bytes, ValueLayout.JAVA_BYTE, 0, write.length);
            MemorySegment.copy(read, 0, bytes, ValueLayout.JAVA_BYTE, write.length, read.length);
            MemorySegment answer = arena.allocate(64);
            UnixSocket socket = client.socket();
            for (int i = 0; i < TIMES; i++) {
                socket.send(bytes, 0, bytes.byteSize());
                for (long got = 0; got < 36; ) {
                    long n = socket.receive(answer, got, 36 - got, 0);
                    assertTrue(n > 0, "no answer");
                    got += n;
                }
                assertEquals(1, answer.get(ValueLayout.JAVA_SHORT, 0));
            }
        }
    }
}
