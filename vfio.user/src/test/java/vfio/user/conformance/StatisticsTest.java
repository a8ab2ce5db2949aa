package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.Objects;
import mdev.api.errno.Errno;
import mdev.api.vfio.VfioPci;
import mdev.linux.EventFd;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The counters of {@code vfio:info}. */
class StatisticsTest {
    @Test
    void countsTheClientsMessages() throws Exception {
        try (Rig rig = new Rig()) {
            try (Client client = rig.client()) {
                client.read(0, 0, 4);
                client.read(0, 8, 256);
                client.write(0, 0, (byte) 1, (byte) 2);
                client.post(Commands.REGION_WRITE, Requests.write(0, 2, (byte) 3));
                client.refused(Errno.EINVAL, Commands.REGION_READ, Requests.read(0, Card.BAR0_SIZE, 1));
                client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(0, Rig.PAGE));
                EventFd event = rig.eventFd();
                client.ok(
                        Commands.SET_IRQS,
                        Requests.setIrqs(Requests.EVENTFD | Requests.TRIGGER, VfioPci.MSI_IRQ, 0, 1),
                        event.fd());
                rig.card.context().trigger(VfioPci.MSI_IRQ, 0);
                rig.card.context().trigger(VfioPci.MSI_IRQ, 1); // not armed
            }
            rig.requireServing();
            Map<String, @Nullable Object> counted = counters(rig);
            assertEquals(2L, counted.get("connections"));
            assertEquals(2L, counted.get("reads"));
            assertEquals(260L, counted.get("read_bytes"));
            assertEquals(2L, counted.get("writes"));
            assertEquals(3L, counted.get("write_bytes"));
            assertEquals(1L, counted.get("posted_writes"));
            assertEquals(1L, counted.get("interrupts"));
            assertEquals(Map.of("EINVAL", 1L, "ENOENT", 1L), counted.get("errors"));
        }
    }

    @Test
    void unservedDeviceHasNoStatistics() throws Exception {
        try (Rig rig = new Rig()) {
            assertEquals(Map.of(), rig.server.statistics("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"));
            assertEquals(Map.of(), rig.server.usage("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "vfio-pci"));
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, @Nullable Object> counters(Rig rig) {
        return (Map<String, @Nullable Object>) Objects.requireNonNull(
                rig.server.statistics(rig.mdev.uuid().toString()).get("vfio_user"));
    }
}
