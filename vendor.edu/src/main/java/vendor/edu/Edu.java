package vendor.edu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import mdev.api.*;
import mdev.api.errno.*;
import mdev.api.shell.*;
import mdev.api.vfio.VfioPci;
import mdev.config.*;
import org.osgi.service.component.annotations.*;
import org.osgi.service.metatype.annotations.*;

/** Registers the parent {@code edu0} and the command {@code edu:raise}. */
@Component(configurationPid = Edu.PID, immediate = true)
@Designate(ocd = Edu.Config.class)
public final class Edu implements ParentOps<EduDevice>, ShellCommands {
    static final String PID = "vendor.edu";
    private static final int MAX = 16;
    private static final IntKey DMA_BITS = new IntKey("dmaBits", 12, 63, 28);

    /** Declares the configuration to tools. */
    @ObjectClassDefinition(name = PID, description = "QEMU's educational device")
    public @interface Config {
        @AttributeDefinition(description = "The width of the addresses that a transfer reaches", min = "12", max = "63")
        int dmaBits() default 28;
    }

    private final Map<String, EduDevice> devices = new ConcurrentSkipListMap<>();
    private final ParentRegistry registry;
    private volatile long dmaMask;
    private Registration registration; // closed in exit()

    @Activate
    public Edu(@Reference ParentRegistry registry) {
        this.registry = registry;
    }

    @Activate
    void init(Map<String, ?> properties) throws ErrnoException {
        configure(properties);
        registration = registry.registerDevice(new ParentDevice("edu", "edu0"), this);
    }

    @Modified
    void configure(Map<String, ?> properties) {
        dmaMask = (1L << new CheckedProperties(PID, properties, DMA_BITS).get(DMA_BITS)) - 1;
    }

    @Deactivate
    void exit() {
        registration.close();
    }

    @Override
    public List<MdevType> supportedTypes() {
        return List.of(MdevType.of("pci", "QEMU's educational device", VfioPci.DEVICE_API, () -> MAX - devices.size()));
    }

    @Override
    public synchronized EduDevice create(Mdev mdev) throws ErrnoException {
        if (devices.size() == MAX) {
            throw new ErrnoException(Errno.ENOSPC, "all devices of edu0 are in use");
        }
        EduDevice device = new EduDevice(() -> dmaMask);
        devices.put(mdev.uuid().toString(), device);
        return device;
    }

    @Override
    public void remove(EduDevice device) {
        devices.values().remove(device);
    }

    @Override
    public List<ShellCommand> commands() {
        return List.of(ShellCommand.of(
                "edu",
                "raise",
                "raises an interrupt of a device, reason 0x2",
                this::raise,
                ShellCommand.Parameter.one("uuid", (words, prefix) -> devices.keySet())));
    }

    private ShellResult raise(ShellInvocation invocation) throws ErrnoException {
        String uuid = invocation.arguments().getFirst();
        EduDevice device = devices.get(uuid);
        if (device == null) {
            throw UnknownNameException.among(Errno.ENODEV, "no edu device '" + uuid + "'", uuid, devices.keySet());
        }
        device.write(VfioPci.BAR0_REGION, 0x60, MemorySegment.ofArray(new int[] {0x2}), 0, Integer.BYTES);
        return ShellResult.DONE;
    }
}
