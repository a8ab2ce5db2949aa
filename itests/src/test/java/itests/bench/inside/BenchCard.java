package itests.bench.inside;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContext;
import mdev.device.Registers;
import mdev.pci.Bar;
import mdev.pci.Capability;
import mdev.pci.Interrupts;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;
import org.jspecify.annotations.Nullable;

/** A cheap card, so that the platform dominates what is measured. Its registers are those of {@code vfio_user.h}. */
final class BenchCard extends PciDevice {
    private static final PciFunction FUNCTION = PciFunction.of(0x1234, 0xbe9c)
            .bar(Bar.memory(0, 16))
            .busMaster()
            .capability(new Capability.Msi(1))
            .build();

    private final Bar0 bar;

    BenchCard() {
        var made = new Bar0[1];
        super(FUNCTION, interrupts -> {
            made[0] = new Bar0(interrupts.source());
            return List.of(made[0]);
        });
        bar = made[0];
    }

    /** The services for the user that has it open, null without one. */
    @Nullable
    VfioContext user() {
        return bar.user;
    }

    private static final class Bar0 implements Registers {
        private static final int RAISE = 4;
        private static final int RAISED_AT = 8;

        /** As DELAY in vfio_user.h. */
        private static final long DELAY = 50_000;

        private final Interrupts.Source source;
        private volatile long raisedAt;
        private volatile @Nullable VfioContext user;

        Bar0(Interrupts.Source source) {
            this.source = source;
        }

        @Override
        public int width() {
            return Long.BYTES;
        }

        @Override
        public long read(long offset, int size) {
            return offset == RAISED_AT ? raisedAt : 0;
        }

        @Override
        public void write(long offset, int size, long value) {
            if (offset == RAISE) {
                long end = System.nanoTime() + DELAY;
                while (System.nanoTime() < end) {
                    Thread.onSpinWait();
                }
                raisedAt = System.nanoTime(); // the client's CLOCK_MONOTONIC
                source.interrupt();
            }
        }

        @Override
        public void open(VfioContext context) throws ErrnoException {
            user = context;
        }

        @Override
        public void release() {
            user = null;
        }
    }
}
