package itests.bench.inside;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.Vfio;
import org.apache.felix.service.command.CommandProcessor;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** The commands that measure inside the platform and print numbers. */
@Component
public final class Measurements implements ShellCommands {
    private final List<ShellCommand> commands;

    @Activate
    public Measurements(
            @Reference Sysfs sysfs,
            @Reference Vfio vfio,
            @Reference ManyDevices vendor,
            @Reference CommandProcessor gogo) {
        Tree tree = new Tree(sysfs);
        commands = List.of(
                command("region", "reads of a region", new RegionReads(vfio, tree), "rounds", "reads"),
                command(
                        "dma",
                        "reads of the user's memory",
                        new DmaReads(vfio, tree, vendor),
                        "rounds",
                        "times",
                        "size"),
                command(
                        "iova",
                        "look-ups of addresses",
                        new IovaLookUps(vfio, tree, vendor),
                        "rounds",
                        "times",
                        "mappings"),
                command("devices", "creates and removes", new DeviceRates(tree), "rounds", "pairs", "devices"),
                command("engine", "commands of a vGPU", new EngineRing(vfio, tree), "rounds", "commands", "screens"),
                command("share", "the division of the engine", new EngineShares(vfio, tree), "rounds", "millis"),
                command("install", "loads and unloads vendor.mtty", new Installs(gogo, tree), "rounds"));
    }

    private static ShellCommand command(String name, String what, Measurement measurement, String... parameters) {
        return new ShellCommand(
                "bench",
                name,
                "measures: " + what,
                List.of(parameters).stream()
                        .map(parameter -> Parameter.one(parameter, ShellCommand.Candidates.NONE))
                        .toList(),
                List.of(),
                invocation -> run(measurement, invocation));
    }

    private static ShellResult run(Measurement measurement, ShellInvocation invocation) throws ErrnoException {
        SequencedMap<String, @Nullable Object> answer = new LinkedHashMap<>();
        answer.putAll(measurement.run(
                invocation.arguments().stream().map(Integer::valueOf).toList()));
        return new ShellResult.Details(answer);
    }

    @Override
    public List<ShellCommand> commands() {
        return commands;
    }
}
