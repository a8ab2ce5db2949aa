package vfio.mdev.shell;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;
import vfio.mdev.VfioMdev;
import vfio.mdev.tty.IntxService;
import vfio.mdev.tty.OpenedDevice;
import vfio.mdev.tty.Serial8250;

/** {@code vfio:tty}: the minicom of the kernel document's walk-through, as a VFIO user in this process. */
final class TtyCommand implements ShellCommand.Action {
    /** An 8250's registers. */
    private static final int PORT_SIZE = 8;

    private final VfioMdev vfio;
    private final Devices devices;

    TtyCommand(VfioMdev vfio) {
        this.vfio = vfio;
        this.devices = new Devices(vfio);
    }

    ShellCommand command() {
        return new ShellCommand(
                "vfio",
                "tty",
                "talks to a serial port of a device, 115200 8N1; on a terminal Ctrl-] ends it",
                List.of(
                        ShellCommand.Parameter.one("uuid", devices),
                        ShellCommand.Parameter.optional("port", TtyCommand::portCandidates)),
                List.of(),
                this);
    }

    private static Collection<String> portCandidates(List<String> words, String prefix) {
        return List.of("0", "1");
    }

    @Override
    public ShellResult run(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<String> arguments = invocation.arguments();
        Devices.Found found = devices.find(arguments.getFirst());
        String name = found.device().name();
        try (OpenedDevice opened = open(found)) {
            VfioDevice device = opened.device();
            int port = port(device, arguments.size() > 1 ? arguments.get(1) : "0");
            try (IntxService line = new IntxService(device);
                    Serial8250 serial = new Serial8250(device, VfioPci.BAR0_REGION + port, line);
                    ShellInvocation.RawTerminal terminal = invocation.rawTerminal()) {
                if (terminal.present()) {
                    invocation.out().print("Port %d of %s, 115200 8N1. Ctrl-] ends.\r\n".formatted(port, name));
                    invocation.out().flush();
                }
                Relay relay = new Relay(invocation.in(), invocation.out(), serial, terminal.present());
                device.onRequest(() -> relay.end("device " + name + " is being removed"));
                relay.run();
            }
        }
        return ShellResult.DONE;
    }

    private OpenedDevice open(Devices.Found found) throws ErrnoException {
        String name = found.device().name();
        try {
            return OpenedDevice.open(vfio, found.group().number(), name, "vfio:tty");
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            }
            String holder = devices.find(name).group().holder();
            throw new ErrnoException(
                    Errno.EBUSY, "device %s is in use by %s".formatted(name, holder.isEmpty() ? "another" : holder));
        }
    }

    private static int port(VfioDevice device, String argument) throws ErrnoException {
        List<String> ports = new ArrayList<>();
        for (int bar = VfioPci.BAR0_REGION; bar <= VfioPci.BAR5_REGION; bar++) {
            if (device.ioctl(new GetRegionInfo(bar)) instanceof RegionInfo info && info.size() == PORT_SIZE) {
                ports.add(Integer.toString(bar - VfioPci.BAR0_REGION));
            }
        }
        if (!ports.contains(argument)) {
            String right = ports.isEmpty() ? "it has no serial port" : String.join(", ", ports);
            throw new ErrnoException(Errno.EINVAL, "no port '%s' on %s: %s".formatted(argument, device.name(), right));
        }
        return Integer.parseInt(argument);
    }
}
