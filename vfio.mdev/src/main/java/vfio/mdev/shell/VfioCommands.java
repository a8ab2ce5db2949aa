package vfio.mdev.shell;

import java.util.List;
import mdev.api.shell.DeviceDetails;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommands;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import vfio.mdev.VfioMdev;

/** The commands {@code vfio:*}. */
@Component
public final class VfioCommands implements ShellCommands {
    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<DeviceDetails> details = List.of();

    private final List<ShellCommand> commands;

    @Activate
    public VfioCommands(@Reference VfioMdev vfio) {
        commands = List.of(new GroupsCommand(vfio).command(), new InfoCommand(vfio, () -> details).command());
    }

    @Override
    public List<ShellCommand> commands() {
        return commands;
    }
}
