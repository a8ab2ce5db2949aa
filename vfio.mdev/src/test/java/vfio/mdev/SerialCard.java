package vfio.mdev;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;
import java.util.stream.Stream;
import mdev.api.vfio.VfioContext;

/**
 * Two ports with the registers of a 16550A that a driver needs, and a loopback plug without delay: nothing keeps a
 * driver from overrunning its own receiver.
 */
public final class SerialCard extends TestVendor {
    private static final int FIFO = 16;

    /** Guarded by the card's monitor, which each access holds. */
    private static final class Port {
        final Queue<Integer> received = new ArrayDeque<>();
        int ier;
        int lcr;
        int mcr;
        int divisor;
        boolean emptied;
        int overruns;

        boolean raises() {
            return ((ier & 1) != 0 && !received.isEmpty()) || ((ier & 2) != 0 && emptied);
        }

        int read(int at) {
            boolean latch = (lcr & 0x80) != 0;
            return switch (at) {
                case 0 -> latch ? divisor & 0xff : received.isEmpty() ? 0 : received.remove();
                case 1 -> latch ? divisor >> 8 : ier;
                case 2 -> identify();
                case 3 -> lcr;
                case 4 -> mcr;
                case 5 -> received.isEmpty() ? 0x60 : 0x61;
                default -> 0;
            };
        }

        private int identify() {
            if ((ier & 1) != 0 && !received.isEmpty()) {
                return 0xc4;
            }
            boolean thre = (ier & 2) != 0 && emptied;
            emptied = false;
            return thre ? 0xc2 : 0xc1;
        }

        void write(int at, int value) {
            boolean latch = (lcr & 0x80) != 0;
            switch (at) {
                case 0 -> {
                    if (latch) {
                        divisor = (divisor & 0xff00) | value;
                    } else if (received.size() == FIFO) {
                        overruns++;
                    } else {
                        received.add(value);
                        emptied = true;
                    }
                }
                case 1 -> {
                    if (latch) {
                        divisor = (divisor & 0xff) | (value << 8);
                    } else {
                        emptied |= (value & ~ier & 2) != 0;
                        ier = value;
                    }
                }
                case 2 -> received.clear();
                case 3 -> lcr = value;
                case 4 -> mcr = value;
                default -> {}
            }
        }
    }

    private final Port[] ports = Stream.generate(Port::new).limit(2).toArray(Port[]::new);

    @Override
    public synchronized void read(int region, long offset, MemorySegment data, long dataOffset, int length) {
        data.set(ValueLayout.JAVA_BYTE, dataOffset, (byte) ports[region].read((int) offset));
        raise();
    }

    @Override
    public synchronized void write(int region, long offset, MemorySegment data, long dataOffset, int length) {
        ports[region].write((int) offset, data.get(ValueLayout.JAVA_BYTE, dataOffset) & 0xff);
        raise();
    }

    private void raise() {
        VfioContext user = context;
        if (user != null) {
            user.setIntx(Arrays.stream(ports).anyMatch(Port::raises));
        }
    }

    /** Whether the driver has sent all its data and has read all data received. */
    public synchronized boolean isIdle(int port) {
        return (ports[port].ier & 2) == 0 && ports[port].received.isEmpty();
    }

    public synchronized int overruns() {
        return ports[0].overruns + ports[1].overruns;
    }

    /** Divisor, line and modem control of a port, as one number. */
    public synchronized int setUp(int port) {
        return ports[port].divisor << 16 | ports[port].lcr << 8 | ports[port].mcr;
    }
}
