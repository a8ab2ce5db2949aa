package mdev.core.shell;

import java.util.List;
import java.util.stream.Stream;
import mdev.api.FailedModules;
import mdev.api.shell.DeviceDetails;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommands;
import mdev.core.MdevCore;
import mdev.core.bundle.CoreComponent;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;

/** The commands {@code mdev:*} about parents, types and devices, and {@code sysfs:*}. */
@Component
public final class CoreCommands implements ShellCommands {
    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<DeviceDetails> details = List.of();

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<FailedModules> failed = List.of();

    private final List<ShellCommand> commands;

    @Activate
    public CoreCommands(@Reference CoreComponent component) {
        MdevCore core = component.core();
        commands = Stream.of(
                        new DeviceCommands(core).commands(),
                        new ListCommands(core, () -> details, () -> failed).commands(),
                        new MonitorCommand(core).commands(),
                        new StateCommand(core).commands(),
                        new SysfsCommands(core.sysfs()).commands())
                .flatMap(List::stream)
                .toList();
    }

    @Override
    public List<ShellCommand> commands() {
        return commands;
    }
}
