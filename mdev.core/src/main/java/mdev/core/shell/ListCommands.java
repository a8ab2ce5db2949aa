package mdev.core.shell;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Supplier;
import mdev.api.FailedModule;
import mdev.api.FailedModules;
import mdev.api.MdevType;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.DeviceDetails;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsNode;
import mdev.core.MdevCore;
import mdev.core.MdevDevice;
import mdev.core.Module;
import mdev.core.Parent;
import mdev.core.SupportedType;
import mdev.core.bus.BusDriver;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/** The listings: {@code mdev:lsmod}, {@code parents}, {@code types}, {@code list}, {@code show}, {@code drivers}. */
final class ListCommands {
    private final MdevCore core;
    private final Supplier<List<DeviceDetails>> details;
    private final Supplier<List<FailedModules>> failed;
    private final Named named;
    private final AttributeReads reads;

    ListCommands(MdevCore core, Supplier<List<DeviceDetails>> details, Supplier<List<FailedModules>> failed) {
        this.core = core;
        this.details = details;
        this.failed = failed;
        this.named = new Named(core);
        this.reads = new AttributeReads(core.calls());
    }

    List<ShellCommand> commands() {
        return List.of(
                ShellCommand.of("mdev", "lsmod", "lists the loaded modules, and those that failed", _ -> lsmod()),
                ShellCommand.of("mdev", "parents", "lists the parents", _ -> parents()),
                ShellCommand.of(
                        "mdev",
                        "types",
                        "lists the types of all parents, or of one",
                        this::types,
                        Parameter.optional("parent", named.parents())),
                ShellCommand.of("mdev", "list", "lists the mediated devices", _ -> list()),
                ShellCommand.of(
                        "mdev",
                        "show",
                        "shows everything about a device",
                        this::show,
                        Parameter.one("uuid", named.devices())),
                ShellCommand.of("mdev", "drivers", "lists the drivers of the bus", _ -> drivers()));
    }

    private ShellResult lsmod() {
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (Module module : core.modules()) {
            rows.add(row(
                    module.name(),
                    module.owner().version(),
                    module.owner().symbolicName(),
                    "live",
                    module.users().size(),
                    devices().stream().filter(module::concerns).count()));
        }
        for (FailedModules source : failed.get()) {
            for (FailedModule module : source.failed()) {
                rows.add(row(module.name(), module.version(), module.bundle(), "failed: " + module.reason(), 0, 0));
            }
        }
        return new ShellResult.Listing(List.of("module", "version", "bundle", "state", "used_by", "devices"), rows);
    }

    private ShellResult parents() {
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (Parent parent : core.parents()) {
            rows.add(row(
                    parent.name(),
                    parent.module().name(),
                    parent.module().owner().symbolicName(),
                    parent.types().size(),
                    devices().stream()
                            .filter(device -> device.supportedType().parent().equals(parent))
                            .count(),
                    parent.path()));
        }
        return new ShellResult.Listing(List.of("parent", "module", "bundle", "types", "devices", "path"), rows);
    }

    private ShellResult types(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<Parent> parents = invocation.arguments().isEmpty()
                ? List.copyOf(core.parents())
                : List.of(named.parent(invocation.arguments().getFirst()));
        List<TypeReads> begun = parents.stream()
                .flatMap(parent -> parent.types().stream())
                .map(type -> new TypeReads(
                        type,
                        begin(type, MdevType.NAME),
                        begin(type, MdevType.AVAILABLE_INSTANCES),
                        begin(type, MdevType.DESCRIPTION)))
                .toList();
        Deadline deadline = AttributeReads.deadline();
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (TypeReads reads : begun) {
            rows.add(row(
                    reads.type().parent().name(),
                    reads.type().id(),
                    text(reads.name(), deadline),
                    reads.type().deviceApi(),
                    number(text(reads.available(), deadline)),
                    text(reads.description(), deadline)));
        }
        return new ShellResult.Listing(
                List.of("parent", "type", "name", "device_api", "available_instances", "description"), rows);
    }

    /** A type and the reads of its attributes; null where it has no such attribute. */
    private record TypeReads(
            SupportedType type,
            AttributeReads.@Nullable Read name,
            AttributeReads.@Nullable Read available,
            AttributeReads.@Nullable Read description) {}

    private AttributeReads.@Nullable Read begin(SysfsDirectory directory, String name) {
        return directory.child(name) instanceof SysfsFile file ? reads.begin(file) : null;
    }

    private static @Nullable String text(AttributeReads.@Nullable Read read, Deadline deadline)
            throws InterruptedException {
        return read == null ? null : read.await(deadline);
    }

    private static @Nullable Object number(@Nullable String text) {
        if (text == null || text.equals(AttributeReads.HANGS)) {
            return text;
        }
        try {
            return Integer.valueOf(text);
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private ShellResult list() {
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (MdevDevice device : devices()) {
            rows.add(row(
                    device.name(),
                    device.parent().name(),
                    device.typeId(),
                    Named.orNull(device.driver().map(BusDriver::name)),
                    Named.orNull(device.iommuGroup()),
                    device.stateName(),
                    Named.orNull(device.user()),
                    nodeDeviceName(device),
                    // The keys of mdevctl list --dumpjson, with its values for a device that it has no definition of.
                    device.typeId(),
                    "manual",
                    List.of()));
        }
        List<String> columns = List.of(
                "uuid", "parent", "type", "driver", "group", "state", "user", "name", "mdev_type", "start", "attrs");
        return new ShellResult.Listing(columns, rows, columns.indexOf("name"));
    }

    /** The device's name in libvirt ({@code nodeDeviceGenerateName()}). */
    private static String nodeDeviceName(MdevDevice device) {
        return ("mdev_" + device.name() + "_" + device.parent().name()).replaceAll("[^A-Za-z0-9]", "_");
    }

    private ShellResult show(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        MdevDevice device = named.device(invocation.arguments().getFirst());
        SequencedMap<String, @Nullable Object> facts = new LinkedHashMap<>();
        facts.put("uuid", device.name());
        facts.put("name", nodeDeviceName(device));
        facts.put("state", device.stateName());
        facts.put("parent", device.parent().name());
        facts.put("module", device.supportedType().parent().module().name());
        facts.put("type", device.typeId());
        facts.put("device_api", device.deviceApi());
        facts.put("driver", Named.orNull(device.driver().map(BusDriver::name)));
        facts.put("group", Named.orNull(device.iommuGroup()));
        facts.put("user", Named.orNull(device.user()));
        facts.put("path", device.path());
        SequencedMap<String, AttributeReads.Read> begun = new LinkedHashMap<>();
        begin(device, "", begun);
        Deadline deadline = AttributeReads.deadline();
        Map<String, @Nullable Object> attributes = new LinkedHashMap<>();
        for (Map.Entry<String, AttributeReads.Read> read : begun.entrySet()) {
            attributes.put(read.getKey(), read.getValue().await(deadline));
        }
        facts.put("attributes", attributes);
        details.get().forEach(more -> facts.putAll(more.usage(device.name(), device.deviceApi())));
        return new ShellResult.Details(facts);
    }

    /**
     * Begins to read the readable files of the device, without those of power management, which are the same for all
     * devices.
     */
    private void begin(SysfsDirectory directory, String prefix, Map<String, AttributeReads.Read> found) {
        for (SysfsNode node : directory.children()) {
            if (node instanceof SysfsFile file
                    && (file.mode() & 0444) != 0
                    && !file.name().equals("uevent")) {
                found.put(prefix + file.name(), reads.begin(file));
            } else if (node instanceof SysfsDirectory group && !group.name().equals("power")) {
                begin(group, prefix + group.name() + "/", found);
            }
        }
    }

    private ShellResult drivers() {
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (BusDriver driver : core.drivers()) {
            rows.add(row(
                    driver.name(),
                    driver.owner().symbolicName(),
                    driver.devices().size(),
                    driver.path()));
        }
        return new ShellResult.Listing(List.of("driver", "bundle", "devices", "path"), rows);
    }

    private List<MdevDevice> devices() {
        return core.devices().stream()
                .sorted(Comparator.comparing(MdevDevice::name))
                .toList();
    }

    private static List<@Nullable Object> row(@Nullable Object... cells) {
        return Arrays.asList(cells);
    }
}
