package vfio.mdev.shell;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import org.jspecify.annotations.Nullable;
import vfio.mdev.VfioMdev;
import vfio.mdev.container.Container;
import vfio.mdev.device.GroupDevice;
import vfio.mdev.group.Group;

/** {@code vfio:groups}. */
final class GroupsCommand implements ShellCommand.Action {
    private final VfioMdev vfio;

    GroupsCommand(VfioMdev vfio) {
        this.vfio = vfio;
    }

    ShellCommand command() {
        return ShellCommand.of("vfio", "groups", "lists the VFIO groups and their holders", this);
    }

    @Override
    public ShellResult run(ShellInvocation invocation) {
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (Group.State group : vfio.states()) {
            GroupDevice device = group.device();
            Container container = group.container();
            rows.add(Arrays.asList(
                    group.number(),
                    device == null ? List.of() : List.of(device.name()),
                    group.holder().isEmpty() ? null : group.holder(),
                    container == null ? null : container.id(),
                    container == null ? null : container.iommuName(),
                    group.viable()));
        }
        return new ShellResult.Listing(List.of("group", "devices", "holder", "container", "iommu", "viable"), rows);
    }
}
