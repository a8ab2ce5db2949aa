package mdev.core.shell;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.core.MdevCore;
import mdev.core.MdevDevice;
import mdev.core.Parent;
import mdev.core.SupportedType;

/** {@code mdev:create} and {@code mdev:remove}: write the sysfs files of the same names. */
final class DeviceCommands {
    private final Named named;

    DeviceCommands(MdevCore core) {
        this.named = new Named(core);
    }

    List<ShellCommand> commands() {
        return List.of(
                ShellCommand.of(
                        "mdev",
                        "create",
                        "creates a device, with a random UUID unless one is given",
                        this::create,
                        Parameter.one("parent", named.parents()),
                        Parameter.one("type", named.types()),
                        Parameter.optional("uuid", Candidates.NONE)),
                ShellCommand.of(
                        "mdev", "remove", "removes a device", this::remove, Parameter.one("uuid", named.devices())));
    }

    private ShellResult create(ShellInvocation invocation) throws ErrnoException {
        List<String> arguments = invocation.arguments();
        Parent parent = named.parent(arguments.get(0));
        SupportedType type = named.type(parent, arguments.get(1));
        boolean given = arguments.size() > 2;
        String uuid = given ? arguments.get(2) : UUID.randomUUID().toString();
        write(type, "create", uuid, invocation);
        invocation.print(given ? "" : uuid + "\n", Map.of("uuid", uuid.toLowerCase(Locale.ROOT)));
        return ShellResult.DONE;
    }

    private ShellResult remove(ShellInvocation invocation) throws ErrnoException {
        MdevDevice device = named.device(invocation.arguments().getFirst());
        write(device, "remove", "1", invocation);
        invocation.print("", Map.of("uuid", device.name()));
        return ShellResult.DONE;
    }

    private static void write(SysfsDirectory directory, String name, String value, ShellInvocation invocation)
            throws ErrnoException {
        if (!(directory.child(name) instanceof SysfsFile file)) {
            throw new ErrnoException(Errno.ENODEV, directory.name() + " is being removed");
        }
        SysfsCommands.checkNotEmpty(value);
        file.write(value.getBytes(StandardCharsets.ISO_8859_1), invocation::requester);
    }
}
