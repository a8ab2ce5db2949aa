package mdev.fuse.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import org.junit.jupiter.api.Test;

final class ChannelTest {
    private static final int CLOSED = -1;

    /** A process waits forever on a mount whose connection stays open. */
    @Test
    void interruptedThreadClosesTheConnection() throws LinuxException {
        try (UnixSocket.Pair pair = UnixSocket.pair(0)) {
            Fd fd = pair.first().fd().dup();
            Channel channel = new Channel(fd);
            Thread.currentThread().interrupt();
            channel.close();
            assertTrue(Thread.interrupted());
            assertEquals(CLOSED, fd.number());
        }
    }
}
