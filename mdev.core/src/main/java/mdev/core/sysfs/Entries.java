package mdev.core.sysfs;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.sysfs.SysfsNode;
import org.jspecify.annotations.Nullable;

/**
 * The stored entries of a directory, in name order: a sorted array while they are few, as in nearly every directory,
 * else a hash map with the order of its names. Lookups take no lock; only one thread changes the entries at a time.
 */
sealed interface Entries {
    Entries NONE = new Few(new SysfsNode[0]);

    @Nullable
    SysfsNode get(String name);

    /** The entries after a name; an entry that exists during the whole call is returned exactly once. */
    Iterator<SysfsNode> after(String name);

    Entries with(SysfsNode node);

    Entries without(String name);

    /** Immutable: a change creates a new instance. */
    final class Few implements Entries {
        private static final int MOST = 16;

        private final SysfsNode[] nodes;

        Few(SysfsNode[] nodes) {
            this.nodes = nodes;
        }

        /** The index of the name, or {@code -(insertion point) - 1}. */
        private int find(String name) {
            int low = 0;
            int high = nodes.length - 1;
            while (low <= high) {
                int middle = (low + high) >>> 1;
                int order = nodes[middle].name().compareTo(name);
                if (order == 0) {
                    return middle;
                } else if (order < 0) {
                    low = middle + 1;
                } else {
                    high = middle - 1;
                }
            }
            return -low - 1;
        }

        @Override
        public @Nullable SysfsNode get(String name) {
            int place = find(name);
            return place < 0 ? null : nodes[place];
        }

        @Override
        public Iterator<SysfsNode> after(String name) {
            int place = find(name);
            return Arrays.asList(nodes)
                    .subList(place < 0 ? -place - 1 : place + 1, nodes.length)
                    .iterator();
        }

        @Override
        public Entries with(SysfsNode node) {
            if (nodes.length == MOST) {
                Entries many = new Many();
                for (SysfsNode old : nodes) {
                    many.with(old);
                }
                return many.with(node);
            }
            int place = -find(node.name()) - 1;
            if (place < 0) {
                throw new IllegalStateException(node.path() + " is there already");
            }
            SysfsNode[] more = new SysfsNode[nodes.length + 1];
            System.arraycopy(nodes, 0, more, 0, place);
            more[place] = node;
            System.arraycopy(nodes, place, more, place + 1, nodes.length - place);
            return new Few(more);
        }

        @Override
        public Entries without(String name) {
            int place = find(name);
            if (place < 0) {
                return this;
            }
            SysfsNode[] less = Arrays.copyOf(nodes, nodes.length - 1);
            System.arraycopy(nodes, place + 1, less, place, less.length - place);
            return new Few(less);
        }
    }

    /** Changed in place, in constant time. */
    final class Many implements Entries {
        private final ConcurrentHashMap<String, SysfsNode> nodes = new ConcurrentHashMap<>();
        private final NameOrder order = new NameOrder();

        @Override
        public @Nullable SysfsNode get(String name) {
            return nodes.get(name);
        }

        @Override
        public Iterator<SysfsNode> after(String name) {
            String[] names = order.names(nodes.keySet());
            int place = Arrays.binarySearch(names, name);
            return Arrays.stream(names, place < 0 ? -place - 1 : place + 1, names.length)
                    .map(nodes::get)
                    .filter(Objects::nonNull)
                    .iterator();
        }

        @Override
        public Entries with(SysfsNode node) {
            if (nodes.putIfAbsent(node.name(), node) != null) {
                throw new IllegalStateException(node.path() + " is there already");
            }
            order.added(node.name());
            return this;
        }

        @Override
        public Entries without(String name) {
            if (nodes.remove(name) != null) {
                order.removed();
            }
            return this;
        }
    }
}
