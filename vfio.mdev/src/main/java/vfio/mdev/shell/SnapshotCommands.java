package vfio.mdev.shell;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.shell.UnknownNameException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsNode;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.VfioMdev;
import vfio.mdev.device.DeviceSnapshot;
import vfio.mdev.device.GroupDevice;
import vfio.mdev.group.Group;
import vfio.mdev.migration.Incoming;

/** {@code mdev:save} and {@code mdev:restore}: the state and memory of a device in a file, and a device from it. */
@Component
public final class SnapshotCommands implements ShellCommands {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotCommands.class);
    private static final String PARENTS = "/sys/class/mdev_bus";
    private static final String DEVICES = "/sys/bus/mdev/devices/";
    private static final int BUFFER = 1 << 16;

    private final VfioMdev vfio;
    private final Sysfs sysfs;

    @Activate
    public SnapshotCommands(@Reference VfioMdev vfio, @Reference Sysfs sysfs) {
        this.vfio = vfio;
        this.sysfs = sysfs;
    }

    @Override
    public List<ShellCommand> commands() {
        return List.of(
                ShellCommand.of(
                        "mdev",
                        "save",
                        "saves the state and memory of a device, which pauses meanwhile, to a file",
                        this::save,
                        Parameter.one("uuid", (_, _) -> vfio.byDevice().keySet()),
                        Parameter.one("file", Candidates.NONE)),
                ShellCommand.of(
                        "mdev",
                        "restore",
                        "creates a device with the state and memory of a file that mdev:save has written",
                        this::restore,
                        Parameter.one("parent", (_, _) -> parents()),
                        Parameter.one("file", Candidates.NONE),
                        Parameter.optional("uuid", Candidates.NONE)));
    }

    private List<String> parents() {
        try {
            return sysfs.lookup(PARENTS, true) instanceof SysfsDirectory directory
                    ? directory.children().stream().map(SysfsNode::name).toList()
                    : List.of();
        } catch (ErrnoException e) {
            return List.of();
        }
    }

    private GroupDevice device(String uuid) throws ErrnoException {
        String name = uuid.toLowerCase(Locale.ROOT);
        Map<String, Group.State> groups = vfio.byDevice();
        Group.State group = groups.get(name);
        GroupDevice device = group == null ? null : group.device();
        if (device == null) {
            throw UnknownNameException.among(
                    Errno.ENODEV, "no device '" + uuid + "' is bound to vfio_mdev", name, groups.keySet());
        }
        return device;
    }

    private static Path file(ShellInvocation invocation) throws ErrnoException {
        String word = invocation.arguments().get(1);
        try {
            Path file = invocation.directory().resolve(word);
            if (word.isEmpty() || Files.isDirectory(file)) {
                throw new ErrnoException(Errno.EISDIR, "'" + word + "' is not a file");
            }
            return file;
        } catch (InvalidPathException e) {
            throw new ErrnoException(Errno.EINVAL, "'" + word + "' is not a path: " + e.getReason());
        }
    }

    private ShellResult save(ShellInvocation invocation) throws ErrnoException {
        GroupDevice device = device(invocation.arguments().getFirst());
        Path file = file(invocation);
        try {
            // The device waits for a file of the platform's, never for the user's file system.
            Path spool = Files.createTempFile("save", ".mdev");
            try {
                try (OutputStream out = Files.newOutputStream(spool)) {
                    new DeviceSnapshot(device).save(bytes -> append(bytes, out));
                }
                replace(file, spool);
            } finally {
                Files.delete(spool);
            }
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, "'" + invocation.arguments().get(1) + "' cannot be written: " + e);
        }
        return ShellResult.DONE;
    }

    /** Replaces a file, or leaves it as it is. */
    private static void replace(Path file, Path content) throws IOException {
        Path part = Files.createTempFile(file.toAbsolutePath().getParent(), ".mdev", ".part");
        try {
            Files.copy(content, part, StandardCopyOption.REPLACE_EXISTING);
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static void append(MemorySegment bytes, OutputStream out) throws ErrnoException {
        try {
            out.write(bytes.toArray(ValueLayout.JAVA_BYTE));
        } catch (IOException e) {
            throw new ErrnoException(Errno.ENOSPC, "the run directory takes no more of the device's state: " + e);
        }
    }

    private ShellResult restore(ShellInvocation invocation) throws ErrnoException {
        List<String> words = invocation.arguments();
        boolean given = words.size() > 2;
        String uuid = given ? words.get(2) : UUID.randomUUID().toString();
        Path file = file(invocation);
        String type;
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            type = Incoming.type(in);
        } catch (IOException e) {
            throw unreadable(words.get(1), e);
        }
        write(create(words.getFirst(), type), uuid, invocation);
        boolean restored = false;
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER)) {
            new DeviceSnapshot(device(uuid)).restore(() -> next(in));
            restored = true;
        } catch (IOException e) {
            throw unreadable(words.get(1), e);
        } finally {
            if (!restored) {
                remove(uuid, invocation);
            }
        }
        invocation.print(given ? "" : uuid + "\n", Map.of("uuid", uuid.toLowerCase(Locale.ROOT)));
        return ShellResult.DONE;
    }

    private static ErrnoException unreadable(String word, IOException e) {
        return e instanceof NoSuchFileException
                ? new ErrnoException(Errno.ENOENT, "no file " + word)
                : new ErrnoException(Errno.EIO, "'" + word + "' cannot be read: " + e);
    }

    private static MemorySegment next(InputStream in) throws ErrnoException {
        try {
            return MemorySegment.ofArray(in.readNBytes(BUFFER));
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, "the file cannot be read: " + e);
        }
    }

    private SysfsFile create(String parent, String type) throws ErrnoException {
        List<String> parents = parents();
        if (!parents.contains(parent)) {
            throw UnknownNameException.among(Errno.ENOENT, "no parent '" + parent + "'", parent, parents);
        }
        if (sysfs.lookup(PARENTS + "/" + parent + "/mdev_supported_types", true) instanceof SysfsDirectory types
                && types.child(type) instanceof SysfsDirectory directory
                && directory.child("create") instanceof SysfsFile create) {
            return create;
        }
        throw new ErrnoException(
                Errno.EINVAL, "parent " + parent + " has no type " + type + ", of which the saved device is");
    }

    private static void write(SysfsFile file, String value, ShellInvocation invocation) throws ErrnoException {
        file.write(value.getBytes(StandardCharsets.ISO_8859_1), invocation::requester);
    }

    private void remove(String uuid, ShellInvocation invocation) {
        try {
            if (sysfs.lookup(DEVICES + uuid.toLowerCase(Locale.ROOT) + "/remove", true) instanceof SysfsFile remove) {
                write(remove, "1", invocation);
            }
        } catch (ErrnoException e) {
            LOG.warn("device {}, which could not be restored, is left: {}", uuid, e.toString());
        }
    }
}
