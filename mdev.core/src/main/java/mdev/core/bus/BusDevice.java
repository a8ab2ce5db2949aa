package mdev.core.bus;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import mdev.api.Mdev;
import mdev.core.device.Device;
import mdev.core.sysfs.Directory;
import mdev.core.uevent.Uevents;

/** A device on the mediated bus. */
public abstract class BusDevice extends Device implements Mdev {
    private static final CompletableFuture<Void> QUIET = CompletableFuture.completedFuture(null);

    private final MdevBus bus;
    private final BindState binding = new BindState();

    /** When the calls into the vendor are over that a driver had to leave behind. */
    private volatile CompletableFuture<Void> quiet = QUIET;

    protected BusDevice(Directory holder, String name, MdevBus bus, Uevents uevents) {
        super(holder, name, uevents);
        this.bus = bus;
    }

    final BindState binding() {
        return binding;
    }

    /** The name of the driver, from the beginning of its probe to the end of its remove. */
    public final Optional<BusDriver> driver() {
        return Optional.ofNullable(binding.driver());
    }

    @Override
    public final OptionalInt iommuGroup() {
        IommuGroup group = binding.group();
        return group == null ? OptionalInt.empty() : OptionalInt.of(group.number());
    }

    /** Called between {@code beginUnbind} and {@code endUnbind}, so by one thread at a time. */
    final void quietWhen(CompletableFuture<Void> alsoThis) {
        quiet = quiet.isDone() ? alsoThis : CompletableFuture.allOf(quiet, alsoThis);
    }

    /** Completes when no driver has a call inside the vendor any more. */
    protected final CompletableFuture<Void> quiet() {
        return quiet;
    }

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
