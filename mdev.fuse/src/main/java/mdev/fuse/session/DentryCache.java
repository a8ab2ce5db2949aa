package mdev.fuse.session;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * The names that the kernel may have cached, by directory node, each with its own node. A name is added before the
 * lookup in the tree, so a thread that removes an entry from the tree and then checks this cache misses no lookup that
 * found the entry. One thread looks up and forgets, any thread may take.
 */
final class DentryCache {
    /** The node is not known yet. */
    private static final long ASKED = 0;

    private final Map<Long, Map<String, Long>> directories = new ConcurrentHashMap<>();

    /** A name in a directory, which is identified by its node. */
    record Entry(long directory, String name) {}

    /** Called before a lookup in the tree; followed by {@link #found} or {@link #missing}. */
    void asked(long directory, String name) {
        change(directory, names -> names.putIfAbsent(name, ASKED));
    }

    /** The kernel caches the name until {@link #forgotten}. */
    void found(long directory, String name, long node) {
        change(directory, names -> names.put(name, node));
    }

    /** The name does not exist. A cached earlier entry is taken by the thread that removed it. */
    void missing(long directory, String name) {
        forgotten(directory, name, ASKED);
    }

    /** The kernel has dropped this node; the name may have got another one since. */
    void forgotten(long directory, String name, long node) {
        change(directory, names -> names.remove(name, node));
    }

    /** Keeps only directories with names. */
    private void change(long directory, Consumer<Map<String, Long>> change) {
        directories.compute(directory, (_, known) -> {
            Map<String, Long> names = known == null ? new ConcurrentHashMap<>() : known;
            change.accept(names);
            return names.isEmpty() ? null : names;
        });
    }

    /**
     * Takes a name and all entries below it. The entries come first, because the kernel keeps the contents of a
     * directory in use.
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
