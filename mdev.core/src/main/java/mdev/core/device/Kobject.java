package mdev.core.device;

import java.util.Map;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.core.sysfs.Directory;
import mdev.core.uevent.SyntheticUevent;
import mdev.core.uevent.Uevents;

/** A directory that emits uevents: {@code struct kobject}. */
public abstract class Kobject extends Directory {
    private final Uevents uevents;

    protected Kobject(Directory holder, String name, Uevents uevents) {
        super(holder, name);
        this.uevents = uevents;
    }

    /** The SUBSYSTEM of its events. */
    protected abstract String subsystem();

    /** The keys that it currently adds to its events. */
    protected Map<String, String> environment() {
        return Map.of();
    }

    protected final Uevents uevents() {
        return uevents;
    }

    /** Queues an event, inside the change that it reports. */
    public final void uevent(String action, Map<String, String> more) {
        uevents.emit(action, path().substring("/sys".length()), subsystem(), more, environment());
    }

    /** As {@link #uevent(String, Map)}. */
    public final void uevent(String action) {
        uevent(action, Map.of());
    }

    /** The {@code uevent} file of buses, drivers and modules. */
    protected final Attribute ueventTrigger() {
        return Attribute.writeOnly("uevent", this::synthesize);
    }

    /** The {@code uevent} file of devices. */
    protected final Attribute ueventFile() {
        return Attribute.readWrite("uevent", this::showEnvironment, this::synthesize);
    }

    private void synthesize(String value) throws ErrnoException {
        SyntheticUevent synthetic = SyntheticUevent.parse(value);
        // environment() must be read at the moment at which the event gets its number.
        try (var _ = tree().change()) {
            uevent(synthetic.action(), synthetic.more());
        }
    }

    private String showEnvironment() {
        StringBuilder lines = new StringBuilder();
        environment()
                .forEach((key, value) ->
                        lines.append(key).append('=').append(value).append('\n'));
        return lines.toString();
    }
}
