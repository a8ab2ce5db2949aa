package vendor.ccwsim;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
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
import vendor.ccwsim.device.FileMedium;
import vendor.ccwsim.subchannel.Consoles;
import vendor.ccwsim.subchannel.SubchannelAttachment;
import vendor.ccwsim.subchannel.SubchannelId;

/**
 * An additional subchannel, one per configuration of the factory {@value #PID}. Deleting the configuration removes the
 * subchannel, changing it replaces the subchannel. If another parent has its name, the subchannel waits until that
 * parent is removed.
 */
@Component(
        service = UeventListener.class,
        immediate = true,
        configurationPid = PluggedSubchannel.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = PluggedSubchannel.Config.class, factory = true)
public final class PluggedSubchannel implements UeventListener {
    static final String PID = "vendor.ccwsim.subchannel";

    private static final Logger LOG = LoggerFactory.getLogger(PluggedSubchannel.class);

    /** A memory disk is part of the device's state, which has at most 16 MiB. */
    private static final int MOST_MIB = 8;

    /** The configuration's properties. */
    @ObjectClassDefinition(name = PID, description = "A further subchannel")
    public @interface Config {
        @AttributeDefinition(name = "Name", description = "The parent's name, for example 0.0.0042")
        String name() default "";

        @AttributeDefinition(name = "Device", description = "console or disk")
        String device() default "disk";

        @AttributeDefinition(
                name = "Size",
                description = "MiB of a disk in memory",
                min = "1",
                max = "" + PluggedSubchannel.MOST_MIB)
        int size() default 1;

        @AttributeDefinition(name = "File", description = "the file of a disk; without it, the disk is in memory")
        String file() default "";
    }

    private final ParentRegistry registry;
    private final Consoles consoles;

    /** The configuration, while its name is taken. Written with this object's monitor held. */
    private volatile @Nullable Config waiting;

    /** Closed in {@link #unplug()}; null if the configuration is invalid, or its name is taken. */
    private @Nullable Registration plug;

    /** The disk's file; closed in {@link #unplug()} after {@link #plug}. */
    private @Nullable FileMedium medium;

    @Activate
    public PluggedSubchannel(@Reference ParentRegistry registry, @Reference Consoles consoles) {
        this.registry = registry;
        this.consoles = consoles;
    }

    @Activate
    synchronized void plugIn(Config config) {
        try {
            SubchannelId id = SubchannelId.parse(config.name())
                    .orElseThrow(() -> new ErrnoException(
                            Errno.EINVAL, "its name is not like 0.0.0042 (cssid.ssid.devno, in hexadecimal)"));
            plug = SubchannelPlug.in(registry, consoles, id, attachment(config));
        } catch (ErrnoException e) {
            LOG.error("no subchannel '{}': {}", config.name(), e.getMessage());
            closeMedium();
            waiting = e.errno() == Errno.EEXIST ? config : null;
        }
    }

    private SubchannelAttachment attachment(Config config) throws ErrnoException {
        return switch (config.device()) {
            case "console" -> SubchannelAttachment.CONSOLE;
            case "disk" ->
                config.file().isEmpty()
                        ? SubchannelAttachment.disk(size(config))
                        : SubchannelAttachment.disk(open(config));
            default -> throw new ErrnoException(Errno.EINVAL, "no device '" + config.device() + "': console or disk");
        };
    }

    private static int size(Config config) throws ErrnoException {
        int size;
        try {
            size = config.size();
        } catch (RuntimeException e) { // as specified by DS
            size = 0;
        }
        if (size < 1 || size > MOST_MIB) {
            throw new ErrnoException(
                    Errno.EINVAL, "its size is not a number of MiB from 1 to " + MOST_MIB + "; a file can have more");
        }
        return size;
    }

    private FileMedium open(Config config) throws ErrnoException {
        Path path;
        try {
            path = Path.of(config.file());
        } catch (InvalidPathException e) {
            throw new ErrnoException(Errno.EINVAL, "'" + config.file() + "' is not a file name");
        }
        if (!path.isAbsolute()) {
            throw new ErrnoException(Errno.EINVAL, "'" + config.file() + "' is not an absolute file name");
        }
        medium = FileMedium.open(path);
        return medium;
    }

    /** Plugs in on a separate thread, because this one delivers the uevents. */
    @Override
    public void uevent(Uevent event) {
        Config config = waiting;
        if (config != null && event.action().equals("remove") && event.devpath().endsWith("/" + config.name())) {
            Thread.ofPlatform().daemon().name("ccw-sim-plug").start(this::plugInAgain);
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
        closeMedium();
    }

    private void closeMedium() {
        if (medium != null) {
            medium.close();
            medium = null;
        }
    }
}
