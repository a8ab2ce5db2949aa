package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.user.conformance.Requests.EVENTFD;
import static vfio.user.conformance.Requests.RW;
import static vfio.user.conformance.Requests.TRIGGER;
import static vfio.user.conformance.Rig.PAGE;

import java.nio.file.Files;
import java.nio.file.Path;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Files of a file system that a client itself serves, whose calls never return. */
@Timeout(300)
final class ForeignFileTest {
    private static final Path LOG = Path.of("target", "surefire.log");

    @Test
    void hangingFileDelaysNobody() throws Exception {
        try (Rig rig = new Rig();
                HangingFuse fuse = HangingFuse.mount()) {
            // The close of the file also hangs, until the file system ends.
            Fd file = Fd.open(fuse.file(), Fd.O_RDWR);
            Client client = rig.client();
            client.refused(Errno.EINVAL, Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), file);
            assertTrue(Files.readString(LOG).contains("DMA_MAP refused: EINVAL: the client's file " + fuse.file()));
            client.refused(Errno.EINVAL, Commands.SET_IRQS, Requests.setIrqs(EVENTFD | TRIGGER, 2, 0, 1), file);
            client.refused(Errno.EINVAL, Commands.GET_INFO, Requests.info(16), file);
            for (int i = 0; i < 100; i++) { // more than the threads that close them
                client.refused(Errno.EINVAL, Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), file, file);
            }
            client.ok(Commands.DMA_MAP, Requests.map(RW, 0, 0, PAGE), rig.memory(PAGE));
            rig.platform.remove(rig.mdev);
            client.requireEnd();
            assertFalse(
                    Files.readString(LOG).contains(rig.mdev.uuid() + ": the connection of its client has not ended"));
            rig.server.close();
            Fd late = file;
            Thread.ofPlatform().daemon().start(late::close);
        }
    }
}
