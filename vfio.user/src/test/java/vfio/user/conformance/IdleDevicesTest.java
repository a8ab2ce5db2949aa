package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import mdev.api.Mdev;
import org.junit.jupiter.api.Test;

/** The cost of unused devices. */
class IdleDevicesTest {
    private static final int DEVICES = 10_000;

    @Test
    void eachCostsOneDescriptorAndNoThread() throws Exception {
        try (Rig rig = new Rig()) {
            Map<String, Integer> before = Descriptors.open();
            Set<Thread> threads = Thread.getAllStackTraces().keySet();
            List<Mdev> idle = new ArrayList<>();
            for (int i = 1; i <= DEVICES; i++) {
                idle.add(rig.platform.add(i, new Card()));
            }
            before.merge(Descriptors.SOCKET, DEVICES, Integer::sum);
            assertEquals(before, Descriptors.open());
            Rig.await("threads that stay", List.of(), () -> startedSince(threads));

            Mdev last = idle.getLast();
            try (Client client = Client.connect(rig.socket(last)).negotiate()) {
                client.requireAlive();
            }
            idle.forEach(rig.platform::remove);
        }
    }

    /** In the thread group of this thread, which excludes the JVM's own threads. */
    private static List<String> startedSince(Set<Thread> before) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> !before.contains(thread))
                .filter(thread -> Objects.equals(
                        thread.getThreadGroup(), Thread.currentThread().getThreadGroup()))
                .map(Thread::getName)
                .toList();
    }
}
