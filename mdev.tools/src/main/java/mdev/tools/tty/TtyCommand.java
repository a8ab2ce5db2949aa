package mdev.tools.tty;

import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** {@code vfio:tty}: replaces minicom in the kernel document's walk-through, as a VFIO user in this process. */
@Component
public final class TtyCommand implements ShellCommands {
    /** An 8250's registers. */
    private static final int PORT_SIZE = 8;

    private final Vfio vfio;

    @Activate
    public TtyCommand(@Reference Vfio vfio) {
        this.vfio = vfio;
    }

    @Override
    public List<ShellCommand> commands() {
        return List.of(ShellCommand.of(
                "vfio",
                "tty",
                "talks to a serial port of a device, 115200 8N1; on a terminal Ctrl-] ends it",
                this::run,
                Parameter.one("uuid", (_, _) -> vfio.devices().keySet()),
                Parameter.optional("port", (_, _) -> List.of("0", "1"))));
    }

    private ShellResult run(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<String> arguments = invocation.arguments();
        try (AttachedDevice attached = AttachedDevice.open(vfio, arguments.getFirst(), "vfio:tty")) {
            VfioDevice device = attached.device();
            String name = device.name();
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

    private static int port(VfioDevice device, String argument) throws ErrnoException {
        List<String> ports = new ArrayList<>();
        boolean pci = device.ioctl(new GetInfo()) instanceof DeviceInfo info && (info.flags() & DeviceInfo.PCI) != 0;
        for (int bar = VfioPci.BAR0_REGION; pci && bar <= VfioPci.BAR5_REGION; bar++) {
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
