package mdev.core.shell;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.state.DeviceState;
import mdev.core.MdevCore;
import mdev.core.Snapshot;
import org.jspecify.annotations.Nullable;

/** {@code mdev:state}: the state that an update of the device's driver would carry over. */
final class StateCommand {
    /** The longest field that is shown as a whole: a PCI Express configuration space. */
    private static final int MOST_BYTES = 4096;

    private static final int FIRST_BYTES = 64;

    private final Named named;
    private final Snapshot snapshot;

    StateCommand(MdevCore core) {
        this.named = new Named(core);
        this.snapshot = new Snapshot(core);
    }

    List<ShellCommand> commands() {
        return List.of(ShellCommand.of(
                "mdev",
                "state",
                "shows the state of a device, which pauses meanwhile",
                this::state,
                Parameter.one("uuid", named.devices())));
    }

    private ShellResult state(ShellInvocation invocation) throws ErrnoException {
        DeviceState state = snapshot.of(named.device(invocation.arguments().getFirst()));
        SequencedMap<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("version", state.version());
        add(fields, "", state.fields());
        return new ShellResult.Details(fields);
    }

    private static void add(SequencedMap<String, @Nullable Object> fields, String path, Map<?, ?> values) {
        values.forEach((name, value) -> {
            if (value instanceof Map<?, ?> section) {
                add(fields, path + name + ".", section);
            } else {
                fields.put(path + name, shown(value));
            }
        });
    }

    /** Bytes in hexadecimal: of many, such as the blocks of a disk, the first and how many there are. */
    private static Object shown(Object value) {
        return switch (value) {
            case byte[] bytes
            when bytes.length > MOST_BYTES ->
                "%s... (%d bytes)".formatted(HexFormat.of().formatHex(bytes, 0, FIRST_BYTES), bytes.length);
            case byte[] bytes -> HexFormat.of().formatHex(bytes);
            case List<?> list -> {
                List<Object> all = new ArrayList<>();
                list.forEach(each -> all.add(shown(each)));
                yield all;
            }
            default -> value;
        };
    }
}
