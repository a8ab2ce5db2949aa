package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Four concurrent VMs, each with a device of the same parent, all transferring at the same time. */
@RequiresVm
final class FourGuestsIT {
    private static final int GUESTS = 4;

    @Test
    void fourGuestsTransferAtOnce() throws Exception {
        try (var platform = Platform.start("--load", "vendor.mtty");
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var sockets = new ArrayList<Path>();
            for (int i = 0; i < GUESTS; i++) {
                sockets.add(platform.create("mtty", "mtty-2", "83b8f4f2-509f-382f-3c1e-e6bfe0fa100" + i));
            }
            var idle = platform.idleFootprint();

            var guests = new ArrayList<Guest>();
            try {
                for (var socket : sockets) {
                    guests.add(Guest.start(socket));
                }
                for (var guest : guests) {
                    guest.awaitBoot();
                }
                var transfers = new ArrayList<Callable<Void>>();
                for (var guest : guests) {
                    transfers.add(() -> {
                        new SerialCard(guest, 5, 2).loopAll(16 << 10);
                        return null;
                    });
                }
                for (Future<Void> transfer : threads.invokeAll(transfers)) {
                    transfer.get();
                }
                for (var guest : guests) {
                    assertEquals(0, guest.poweroff());
                }
            } finally {
                for (var guest : guests) {
                    guest.close();
                }
            }

            platform.awaitFootprint(idle);
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
        }
    }
}
