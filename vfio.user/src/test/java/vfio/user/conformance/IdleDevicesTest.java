package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import mdev.api.Mdev;
import org.junit.jupiter.api.Test;

/** What devices cost that nobody uses. */
class IdleDevicesTest {
    private static final int DEVICES = 10_000;

    @Test
    void eachCostsOneDescriptorAndNoThread() throws Exception {
        try (Rig rig = new Rig()) {
            Map<String, Integer> before = Descriptors.open();
            int threads = Thread.activeCount();
            List<Mdev> idle = new ArrayList<>();
            for (int i = 1; i <= DEVICES; i++) {
                idle.add(rig.platform.add(i, new Card()));
            }
            Map<String, Integer> after = Descriptors.open();
            before.merge(Descriptors.SOCKET, DEVICES, Integer::sum);
            assertEquals(before, after);
            assertEquals(threads, Thread.activeCount());

            Mdev last = idle.getLast();
            try (Client client = Client.connect(rig.socket(last)).negotiate()) {
                client.requireAlive();
            }
            idle.forEach(rig.platform::remove);
        }
    }
}
