package mdev.core.shell;

import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import mdev.api.shell.DeviceDetails;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommands;
import mdev.core.MdevCore;
import org.osgi.framework.BundleContext;

/** All commands of the core. */
public final class CoreCommands implements ShellCommands {
    private final List<ShellCommand> commands;

    /** @param details who knows more of a device, now */
    public CoreCommands(MdevCore core, BundleContext context, Supplier<List<DeviceDetails>> details) {
        commands = Stream.of(
                        new ModuleCommands(core, context).commands(),
                        new DeviceCommands(core).commands(),
                        new ListCommands(core, details).commands(),
                        new MonitorCommand(core).commands(),
                        new SysfsCommands(core.sysfs()).commands())
                .flatMap(List::stream)
                .toList();
    }

    @Override
    public List<ShellCommand> commands() {
        return commands;
    }
}
