package vfio.mdev.shell;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import vfio.mdev.VfioMdev;
import vfio.mdev.device.GroupDevice;
import vfio.mdev.group.Group;

/** Devices as arguments of commands. */
final class Devices implements ShellCommand.Candidates {
    private final VfioMdev vfio;

    Devices(VfioMdev vfio) {
        this.vfio = vfio;
    }

    /** A device with its group. */
    record Found(GroupDevice device, Group.State group) {}

    Found find(String uuid) throws ErrnoException {
        String name = uuid.toLowerCase(Locale.ROOT);
        for (Group.State group : vfio.states()) {
            GroupDevice device = group.device();
            if (device != null && device.name().equals(name)) {
                return new Found(device, group);
            }
        }
        throw new ErrnoException(Errno.ENODEV, "no device '%s' is bound to vfio_mdev: %s".formatted(uuid, there()));
    }

    private String there() {
        List<String> names = names();
        return names.isEmpty() ? "there is none" : String.join(", ", names.subList(0, Math.min(5, names.size())));
    }

    private List<String> names() {
        return vfio.states().stream()
                .map(Group.State::device)
                .filter(device -> device != null)
                .map(GroupDevice::name)
                .toList();
    }

    @Override
    public Collection<String> candidates(List<String> words, String prefix) {
        return names();
    }
}
