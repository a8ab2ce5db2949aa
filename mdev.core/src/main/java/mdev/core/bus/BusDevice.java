package mdev.core.bus;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import mdev.api.Mdev;
import mdev.core.device.Device;
import mdev.core.slot.VendorSlot;
import mdev.core.sysfs.Directory;
import mdev.core.uevent.Uevents;

/** A device on the mediated bus. */
public abstract class BusDevice extends Device implements Mdev {
    private final MdevBus bus;
    private final Binding binding = new Binding();

    protected BusDevice(Directory holder, String name, MdevBus bus, Uevents uevents) {
        super(holder, name, uevents);
        this.bus = bus;
    }

    final Binding binding() {
        return binding;
    }

    /** The name of the driver, from the start of its probe to the end of its remove. */
    public final Optional<BusDriver> driver() {
        return Optional.ofNullable(binding.driver());
    }

    @Override
    public final OptionalInt iommuGroup() {
        IommuGroup group = binding.group();
        return group == null ? OptionalInt.empty() : OptionalInt.of(group.number());
    }

    @Override
    public abstract VendorSlot slot();

    @Override
    protected final Directory subsystemDirectory() {
        return bus;
    }

    @Override
    protected final String subsystem() {
        return bus.name();
    }

    @Override
    protected final Map<String, String> environment() {
        BusDriver driver = binding.driver();
        return driver == null ? Map.of() : Map.of("DRIVER", driver.name());
    }
}
