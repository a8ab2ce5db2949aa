package vendor.gpusim;

import mdev.api.ParentDevice;
import mdev.api.ParentRegistry;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vendor.gpusim.gpu.Vgpus;

/**
 * An additional GPU, one per configuration of the factory {@value #PID}. Deleting the configuration removes the GPU,
 * changing it replaces the GPU. If another parent has its name, the GPU waits until that parent is removed.
 */
@Component(
        service = UeventListener.class,
        immediate = true,
        configurationPid = PluggedGpu.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = PluggedGpu.Config.class, factory = true)
public final class PluggedGpu implements UeventListener {
    static final String PID = "vendor.gpusim.gpu";

    private static final Logger LOG = LoggerFactory.getLogger(PluggedGpu.class);
    private static final int LEAST_MIB = 8;
    private static final int MOST_MIB = 64 << 10;

    /** The configuration's properties. */
    @ObjectClassDefinition(name = PID, description = "A further GPU")
    public @interface Config {
        @AttributeDefinition(name = "Name", description = "The parent's name, for example gpu1")
        String name() default "";

        @AttributeDefinition(
                name = "Address",
                description = "Instead of a name: the address of a GPU that is a PCI device, for example 1000:00:02.0")
        String address() default "";

        @AttributeDefinition(name = "Memory", description = "MiB of memory", min = "" + LEAST_MIB, max = "" + MOST_MIB)
        int memory() default 256;
    }

    private final ParentRegistry registry;
    private final Vgpus vgpus;

    /** The configuration, while its name is taken. Written with this object's monitor held. */
    private volatile @Nullable Config waiting;

    /** Closed in {@link #unplug()}; null if the configuration is invalid, or its name is taken. */
    private @Nullable Plug plug;

    @Activate
    public PluggedGpu(@Reference ParentRegistry registry, @Reference Vgpus vgpus) {
        this.registry = registry;
        this.vgpus = vgpus;
    }

    @Activate
    synchronized void plugIn(Config config) {
        ParentDevice device = device(config);
        if (device == null) {
            LOG.error("no GPU '{}': it has the address {}, which is its name", config.name(), config.address());
            return;
        }
        int memory;
        try {
            memory = config.memory();
        } catch (RuntimeException e) { // as specified by DS
            LOG.error(
                    "no GPU '{}': its memory is not a number of MiB from {} to {}", device.name(), LEAST_MIB, MOST_MIB);
            return;
        }
        if (memory < LEAST_MIB || memory > MOST_MIB) {
            LOG.error("no GPU '{}' of {} MiB: memory must be {} to {} MiB", device.name(), memory, LEAST_MIB, MOST_MIB);
            return;
        }
        try {
            plug = Plug.in(registry, vgpus, device, (long) memory << 20);
        } catch (ErrnoException e) {
            LOG.error("no GPU '{}': {}", device.name(), e.getMessage());
            waiting = e.errno() == Errno.EEXIST ? config : null;
        }
    }

    /** Returns null if the configuration has both a name and an address. */
    private static @Nullable ParentDevice device(Config config) {
        if (config.address().isEmpty()) {
            return Plug.virtual(config.name());
        }
        return config.name().isEmpty() ? Plug.pci(config.address()) : null;
    }

    /** Plugs in on a separate thread, because this one delivers the uevents. */
    @Override
    public void uevent(Uevent event) {
        Config config = waiting;
        if (config != null
                && event.action().equals("remove")
                && event.devpath().endsWith("/" + config.name() + config.address())) {
            Thread.ofPlatform().daemon().name("gpu-sim-plug").start(this::plugInAgain);
        }
    }

    private synchronized void plugInAgain() {
        Config config = waiting;
        waiting = null;
        if (config != null) {
            plugIn(config);
        }
    }

    @Deactivate
    synchronized void unplug() {
        waiting = null;
        if (plug != null) {
            plug.close();
        }
    }
}
