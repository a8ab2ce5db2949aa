package vendor.mtty;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.UUID;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioPci;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The algorithm of the guest's driver, at full speed on both ports, with interrupts only. */
class Linux8250Test {
    private static final int BYTES = 64 * 1024;

    /** Fewer than the trigger level: only the time-out reports them. */
    private static final int REST = 3;

    /**
     * @param passes the number of passes over the ports for one signal: the kernel's limit, and one, so that each load
     *     raises the line
     */
    @ParameterizedTest
    @ValueSource(ints = {512, 1})
    void echoIsCompleteWithoutAnOverrun(int passes) throws ErrnoException {
        var device = new MttyDevice(new UUID(0, 1), MttyType.DUAL);
        var user = new UserIrqs();
        device.open(user);
        user.arm(VfioPci.INTX_IRQ, true);
        byte[][] data = {new byte[BYTES], new byte[BYTES + REST]};
        new Random(1).nextBytes(data[0]);
        new Random(2).nextBytes(data[1]);
        var drivers = List.of(new Linux8250(new Port(device, 0), data[0]), new Linux8250(new Port(device, 1), data[1]));
        drivers.forEach(Linux8250::startup);
        user.takeIntx();
        drivers.forEach(Linux8250::startTx);
        // A signal masks the line; serial8250_interrupt() polls the ports until none has an interrupt pending; then the
        // line is unmasked.
        while (user.takeIntx() > 0) {
            boolean handled;
            do {
                handled = false;
                for (Linux8250 driver : drivers) {
                    handled |= driver.handleIrq();
                }
            } while (handled);
            user.mask(false);
        }
        for (int i = 0; i < 2; i++) {
            assertTrue(drivers.get(i).done(), "no interrupt was lost");
            assertEquals(0, drivers.get(i).overruns());
            assertArrayEquals(data[i], drivers.get(i).received());
            assertTrue(drivers.get(i).interrupts() > BYTES / 16, "one for each load");
        }
    }
}
