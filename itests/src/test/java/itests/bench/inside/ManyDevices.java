package itests.bench.inside;

import java.util.List;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioPci;
import mdev.device.Registers;
import mdev.pci.Bar;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** A vendor with cheap devices in unlimited number, so that the platform dominates the measurement. */
@Component(service = {})
public final class ManyDevices implements ParentOps<ManyDevices.Card> {
    static final String TYPE = "/sys/devices/virtual/bench/bench0/mdev_supported_types/bench-card";

    private static final PciFunction FUNCTION =
            PciFunction.of(0x1234, 0xbe9c).bar(Bar.memory(0, 16)).build();

    private final Registration registration;

    @Activate
    public ManyDevices(@Reference ParentRegistry registry) throws ErrnoException {
        registration = registry.registerDevice(new ParentDevice("bench", "bench0"), this);
    }

    @Deactivate
    void exit() {
        registration.close();
    }

    @Override
    public List<MdevType> supportedTypes() {
        return List.of(MdevType.of("card", "a card", VfioPci.DEVICE_API, () -> Integer.MAX_VALUE));
    }

    @Override
    public Card create(Mdev mdev) {
        return new Card();
    }

    @Override
    public void remove(Card card) {}

    /** A card with one register that reads 0. */
    static final class Card extends PciDevice {
        Card() {
            super(FUNCTION, _ -> List.of(new Nothing()));
        }
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
