package mdev.fuse.session;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The names that the kernel may remember, by the node of their directory, each with its own node. A name is here before
 * the tree is asked for it: so whoever takes an entry out of the tree and looks here afterwards misses no lookup that
 * has still seen it. One thread looks up and forgets, any thread takes.
 */
final class DentryCache {
    /** Its node is not known yet. */
    private static final long ASKED = 0;

    private final Map<Long, Map<String, Long>> directories = new ConcurrentHashMap<>();

    /** A name in a directory, by its node. */
    record Entry(long directory, String name) {}

    /** The tree is going to be asked; {@link #found} or {@link #missing} follows. */
    void asked(long directory, String name) {
        directories.compute(directory, (_, known) -> {
            Map<String, Long> names = known == null ? new ConcurrentHashMap<>() : known;
            names.putIfAbsent(name, ASKED);
            return names;
        });
    }

    /** The kernel gets to know it, until it has {@link #forgotten} it. */
    void found(long directory, String name, long node) {
        directories.compute(directory, (_, known) -> {
            Map<String, Long> names = known == null ? new ConcurrentHashMap<>() : known;
            names.put(name, node);
            return names;
        });
    }

    /** There is none. What the kernel knows of an earlier one is taken by whoever removed that. */
    void missing(long directory, String name) {
        forgotten(directory, name, ASKED);
    }

    /** The kernel does not know this node any more; the name may have got another one since. */
    void forgotten(long directory, String name, long node) {
        directories.computeIfPresent(directory, (_, names) -> {
            names.remove(name, node);
            return names.isEmpty() ? null : names;
        });
    }

    /**
     * Takes a name out, with all that is below it: that first, since a directory that is in use keeps what is in it.
     */
    void take(long directory, String name, List<Entry> taken) {
        Map<String, Long> names = directories.get(directory);
        Long node = names == null ? null : names.remove(name);
        if (node != null) {
            new ArrayList<>(directories.getOrDefault(node, Map.of()).keySet())
                    .forEach(below -> take(node, below, taken));
            taken.add(new Entry(directory, name));
        }
    }
}
