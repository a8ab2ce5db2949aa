package mdev.sys;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import mdev.linux.LinuxException;
import mdev.linux.Mount;

/**
 * A directory of a tmpfs that shows the entries of a directory of the host's {@code /sys} and of its counterpart in the
 * platform's tree. Entries of one side are bind mounts, or copies if they are symbolic links: relative links remain
 * valid, because {@code ..} leads from a mount to the directory that it is mounted in. A directory of both sides is
 * merged in turn; of other entries with the same name, the platform's is shown.
 *
 * <p>Not thread-safe.
 */
final class MergedDirectory {
    /** Below {@code /sys}; the host's entries here are not shown, because the platform numbers and names its own. */
    private static final Set<Path> OURS =
            Set.of(Path.of("/sys/bus/mdev"), Path.of("/sys/class/mdev_bus"), Path.of("/sys/kernel/iommu_groups"));

    private static final int ENOENT = 2;
    private static final int EINVAL = 22;

    private final Path at;
    private final Path host;
    private final Path ours;
    private final Map<String, Entry> entries = new TreeMap<>();

    /** Those of the {@link Entry.Merged}. */
    private final Map<String, MergedDirectory> merged = new HashMap<>();

    /**
     * @param at an empty directory of the tmpfs
     * @param host the host's directory
     * @param ours the platform's
     */
    MergedDirectory(Path at, Path host, Path ours) {
        this.at = at;
        this.host = host;
        this.ours = ours;
    }

    /**
     * Shows the present entries of both sides.
     *
     * @throws IOException the platform, or its tree, is gone; everything stays as it is
     */
    void update() throws IOException {
        Map<String, Entry> wanted = read();
        for (Map.Entry<String, Entry> shown : List.copyOf(entries.entrySet())) {
            if (!shown.getValue().equals(wanted.get(shown.getKey()))) {
                remove(shown.getKey());
            }
        }
        for (Map.Entry<String, Entry> entry : wanted.entrySet()) {
            if (!entries.containsKey(entry.getKey())) {
                add(entry.getKey(), entry.getValue());
            }
        }
        for (Map.Entry<String, MergedDirectory> child : List.copyOf(merged.entrySet())) {
            try {
                child.getValue().update();
            } catch (NoSuchFileException e) {
                remove(child.getKey()); // one side was removed meanwhile; its event will show the other one
            }
        }
    }

    private Map<String, Entry> read() throws IOException {
        Map<String, Entry> wanted = Entry.of(host);
        wanted.keySet().removeIf(name -> OURS.contains(at.resolve(name)));
        Entry.of(ours)
                .forEach((name, entry) -> wanted.merge(
                        name,
                        entry,
                        (theirs, own) -> theirs instanceof Entry.Directory && own instanceof Entry.Directory
                                ? new Entry.Merged()
                                : own));
        return wanted;
    }

    private void add(String name, Entry entry) {
        Path path = at.resolve(name);
        try {
            switch (entry) {
                case Entry.Link link -> Files.createSymbolicLink(path, link.target());
                case Entry.Directory directory -> {
                    Files.createDirectories(path); // may be left: see remove()
                    Mount.bind(directory.source(), path);
                }
                case Entry.File file -> {
                    Files.createFile(path);
                    Mount.bind(file.source(), path);
                }
                case Entry.Merged _ -> {
                    Files.createDirectories(path);
                    merged.put(name, new MergedDirectory(path, host.resolve(name), ours.resolve(name)));
                }
            }
            entries.put(name, entry);
        } catch (LinuxException e) {
            entries.put(name, entry);
            if (e.errno() == ENOENT) { // removed meanwhile
                remove(name);
            } else {
                SysAgent.say(path + " is empty here: " + e.getMessage());
            }
        } catch (IOException e) {
            SysAgent.say(path + " is missing here: " + e);
        }
    }

    private void remove(String name) {
        Path path = at.resolve(name);
        Entry entry = entries.remove(name);
        try {
            if (entry instanceof Entry.Merged) {
                MergedDirectory directory = merged.remove(name);
                if (directory != null) {
                    List.copyOf(directory.entries.keySet()).forEach(directory::remove);
                }
            } else if (!(entry instanceof Entry.Link)) {
                Mount.detach(path);
            }
        } catch (LinuxException e) {
            if (e.errno() != EINVAL) { // not mounted
                SysAgent.say(path + " shows what is gone: " + e.getMessage());
            }
        }
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            SysAgent.say(path + " is left: " + e);
        }
    }
}
