package itests.bench.inside;

import java.util.List;
import mdev.device.Registers;
import mdev.pci.Bar;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;

/** The least card: its only register reads 0. It shows what the platform adds to a device. */
final class IdleCard extends PciDevice {
    private static final PciFunction FUNCTION =
            PciFunction.of(0x1234, 0xbe9c).bar(Bar.memory(0, 16)).build();

    IdleCard() {
        super(FUNCTION, _ -> List.of(new Nothing()));
    }

    private static final class Nothing implements Registers {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {}

        @Override
        public void reset() {}
    }
}
